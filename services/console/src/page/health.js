// The bar that says how the services are.
import { element } from './elements.js';

/** `services`: as /health/ready answers. */
export function showHealth(place, { ready, services }) {
  const entries = Object.entries(services).sort(([a], [b]) => (a < b ? -1 : 1));
  const down = entries.filter(([, service]) => !service.ready);
  const words = ready ? 'All services ready' : `${down.length} of ${entries.length} not ready`;
  const signature = JSON.stringify([words, entries]);
  // Announced to screen readers only when it changes.
  if (place.dataset.signature === signature) return;
  place.dataset.signature = signature;
  place.replaceChildren(
    element('strong', { class: ready ? 'ok' : 'bad' }, words),
    ...entries.map(([name, service]) => shown(name, service)),
  );
}

function shown(name, { ready, reasons = [] }) {
  const kind = ready ? (reasons.length > 0 ? 'wait' : '') : 'bad';
  const text = reasons.length > 0 ? `${name}: ${reasons.join('; ')}` : name;
  return element('span', { class: `service ${kind}` }, text, element('span', { class: 'visually-hidden' }, ready ? 'ready' : 'not ready'));
}
