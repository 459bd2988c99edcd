// Requests to the console's API. Every refusal becomes an ApiProblem that says what to do.

export class ApiProblem extends Error {
  constructor(status, answer) {
    super([answer.detail, answer.whatToDo].filter(Boolean).join(' '));
    this.status = status;
    /** Of a document that was refused. */
    this.problems = answer.problems;
  }
}

const UNREACHABLE = {
  detail: 'The console does not answer.',
  whatToDo: 'Check that the gateway is running; this page tries again by itself.',
};

/** The answer's body; undefined when it has none. */
export async function ask(method, path, body) {
  const headers = method === 'GET' ? {} : { 'x-requested-with': 'causeway' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  let response;
  try {
    response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), cache: 'no-store' });
  } catch {
    throw new ApiProblem(0, UNREACHABLE);
  }
  const text = await response.text();
  const answer = text === '' ? undefined : readJson(text);
  // The health answer says "not ready" with 503, and is an answer all the same.
  if (!response.ok && !(path === '/health/ready' && answer?.services)) throw new ApiProblem(response.status, answer ?? UNREACHABLE);
  return answer;
}

export const get = (path) => ask('GET', path);
export const post = (path, body) => ask('POST', path, body);

function readJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return { detail: 'The answer cannot be read.', whatToDo: 'Something between the browser and the console changed it.' };
  }
}
