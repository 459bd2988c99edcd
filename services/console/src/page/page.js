// The page: signs in, shows one view at a time, and keeps it fresh while it is looked at.
import { accountView } from './account.js';
import { ask, get, post } from './api.js';
import { associationsView } from './associations.js';
import { commitmentsView } from './commitments.js';
import { configurationView } from './configuration.js';
import { daysView } from './days.js';
import { auditView, destinationsView } from './destinations.js';
import { failedView, parkedView } from './failed.js';
import { showHealth } from './health.js';
import { studiesView } from './studies.js';
import { usersView } from './users.js';
import { waitingView } from './waiting.js';

const REFRESH_MS = 2_500;
const TOAST_MS = 5_000;

const VIEWS = {
  studies: { title: 'Studies', make: studiesView },
  waiting: { title: 'Waiting', make: waitingView },
  failed: { title: 'Failed', make: failedView },
  parked: { title: 'Parked', make: parkedView },
  destinations: { title: 'Destinations', make: destinationsView },
  days: { title: 'Days', make: daysView },
  associations: { title: 'Associations', make: associationsView },
  commitments: { title: 'Storage commitment', make: commitmentsView },
  audit: { title: 'Audit', make: auditView },
  configuration: { title: 'Configuration', make: configurationView },
  users: { title: 'Users', make: usersView },
  account: { title: 'Account', make: accountView },
};

const FOR_ADMINISTRATORS = ['configuration', 'users'];

const byId = (id) => document.getElementById(id);
const app = byId('app');
const signInPage = byId('sign-in');
const form = byId('sign-in-form');
const formError = form.querySelector('.form-error');

let session;
let view;
let timer;
let toastTimer;
/** Refreshes one after the other; a click during one asks for another. */
let refreshing = Promise.resolve();

function refresh() {
  refreshing = refreshing.then(refreshOnce);
  return refreshing;
}

async function refreshOnce() {
  clearTimeout(timer);
  if (!session || document.visibilityState !== 'visible') return;
  const shown = view;
  try {
    const [health, work] = await Promise.all([get('/health/ready'), get('/api/work'), shown?.update()]);
    showHealth(byId('health'), health);
    badge('waiting-count', work.held + work.quarantined);
    badge('failed-count', work.failed);
    badge('parked-count', work.parked);
    byId('parked-link').hidden = work.parked === 0 && location.hash !== '#parked';
    banner(session.mustChangePassword ? 'This is still the first password. Change it under Account.' : '', 'wait');
  } catch (error) {
    if (error.status === 401) return showSignIn();
    banner(error.message, 'bad');
    await get('/health/ready').then(
      (health) => showHealth(byId('health'), health),
      () => {},
    );
  }
  timer = setTimeout(refresh, REFRESH_MS);
}

/** Does something for the user, says that it is done (`done`: a text, or one made of the result) or why not, and shows the result. True when it is done. */
async function act(work, done, refused = (text) => toast(text, 'bad')) {
  try {
    const result = await work();
    toast(typeof done === 'function' ? done(result) : done);
    return true;
  } catch (error) {
    if (error.status === 401) showSignIn();
    else refused(error.message);
    return false;
  } finally {
    await refresh();
  }
}

function showView() {
  if (!session) return;
  const asked = location.hash.slice(1);
  const name = Object.hasOwn(VIEWS, asked) && mayOpen(asked) ? asked : 'studies';
  view = VIEWS[name].make({ refresh, act, session, gateway: () => get('/api/gateway') });
  byId('view').replaceChildren(view.root);
  document.title = `${VIEWS[name].title} – Causeway`;
  for (const link of document.querySelectorAll('nav a, #account-link')) {
    if (link.hash === `#${name}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  void refresh();
}

function showSignIn() {
  session = undefined;
  view = undefined;
  clearTimeout(timer);
  app.hidden = true;
  // Nothing of a patient stays in the page.
  byId('view').replaceChildren();
  signInPage.hidden = false;
  document.title = 'Sign in – Causeway';
  form.elements.password.value = '';
  form.elements.password.focus();
}

function showApp(signedIn) {
  session = signedIn;
  signInPage.hidden = true;
  app.hidden = false;
  byId('account-link').textContent = session.user;
  for (const name of FOR_ADMINISTRATORS) byId(`${name}-link`).hidden = !mayOpen(name);
  // What a reader may not do is not offered; the console refuses it in any case.
  app.classList.toggle('reader', session.role === 'reader');
  showView();
}

const mayOpen = (name) => !FOR_ADMINISTRATORS.includes(name) || session?.role === 'administrator';

function badge(id, count) {
  byId(id).textContent = String(count);
  byId(id).hidden = count === 0;
}

function banner(text, kind) {
  const place = byId('banner');
  place.className = `notice ${kind}`;
  if (place.textContent !== text) place.textContent = text;
  place.hidden = text === '';
}

function toast(text, kind = '') {
  clearTimeout(toastTimer);
  const place = byId('toast');
  place.className = `toast ${kind}`;
  place.textContent = text;
  place.hidden = false;
  toastTimer = setTimeout(
    () => {
      place.hidden = true;
    },
    kind === 'bad' ? 2 * TOAST_MS : TOAST_MS,
  );
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const button = form.querySelector('button');
  button.disabled = true;
  formError.hidden = true;
  try {
    const { user, password } = Object.fromEntries(new FormData(form));
    showApp(await post('/api/session', { user, password }));
  } catch (error) {
    formError.textContent = error.message;
    formError.hidden = false;
    form.elements.password.select();
  } finally {
    button.disabled = false;
  }
});

byId('sign-out').addEventListener('click', async () => {
  await ask('DELETE', '/api/session').catch(() => {});
  showSignIn();
});
addEventListener('hashchange', () => {
  showView();
  byId('view').focus();
});
document.addEventListener('visibilitychange', () => void refresh());

/** Signed in already, or not; while the console cannot tell, it is asked again. */
async function begin() {
  try {
    showApp(await get('/api/session'));
  } catch (error) {
    showSignIn();
    if (error.status === 401) return;
    formError.textContent = error.message;
    formError.hidden = false;
  }
}
void begin();
