// Values of DICOM and of the API as a person reads them.

const pad = (number) => String(number).padStart(2, '0');

/** Local date and time to the minute; the seconds are in the title. */
export function moment(text) {
  const at = new Date(text);
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${pad(at.getHours())}:${pad(at.getMinutes())}`;
}

/** DA and TM (PS3.5 section 6.2): 20260105, 101530.5 -> 2026-01-05 10:15. What is not of that form is shown as it came. */
export function studyMoment(date, time) {
  const day = /^\d{8}$/.test(date) ? `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}` : date;
  const clock = /^\d{4}/.test(time) ? `${time.slice(0, 2)}:${time.slice(2, 4)}` : time;
  return [day, clock].filter(Boolean).join(' ');
}

/** PN (PS3.5 section 6.2.1): family^given^middle^prefix^suffix, the first group that is not empty. */
export function personName(value) {
  const group = value.split('=').find((part) => part !== '') ?? '';
  const [family = '', ...others] = group.split('^');
  const given = others.filter(Boolean).join(' ');
  return [family, given].filter(Boolean).join(', ') || '(no name)';
}

export function bytes(count) {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  const power = count === 0 ? 0 : Math.min(Math.floor(Math.log(count) / Math.log(1000)), units.length - 1);
  const value = count / 1000 ** power;
  return `${value >= 100 || power === 0 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

/** Bits a second as people write them in the gateway document. */
export function rate(bits) {
  const units = ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s'];
  const power = Math.min(Math.floor(Math.log(bits) / Math.log(1000)), units.length - 1);
  return `${Math.round((bits / 1000 ** power) * 100) / 100} ${units[power]}`;
}

export const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

export function age(text) {
  const minutes = Math.max(0, Math.round((Date.now() - new Date(text).getTime()) / 60_000));
  if (minutes < 1) return 'under a minute';
  if (minutes < 120) return plural(minutes, 'minute');
  return minutes < 2880 ? plural(Math.round(minutes / 60), 'hour') : plural(Math.round(minutes / 1440), 'day');
}
