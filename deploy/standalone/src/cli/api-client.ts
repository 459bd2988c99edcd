// Requests to the console's API with a token. Every refusal becomes an ApiProblem that says what to do.

export interface ApiAnswer {
  readonly error: string;
  readonly detail: string;
  readonly whatToDo: string;
  readonly problems?: readonly { readonly path: string; readonly value?: string; readonly problem: string }[];
}

/** The gateway said no, or nothing. `status` 0: there was no answer of its API. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
  readonly status: number;
  readonly answer: ApiAnswer;
  constructor(status: number, answer: ApiAnswer) {
    super(answer.detail);
    this.status = status;
    this.answer = answer;
  }
}

export interface RequestOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** [30 s] */
  readonly timeoutMs?: number;
  /** Statuses beside 2xx whose body is an answer all the same. */
  readonly takes?: readonly number[];
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

const TIMEOUT_MS = 30_000;

export class ApiClient {
  /** Of the console, without a slash at its end. */
  readonly url: string;
  readonly #token: string | undefined;

  constructor(url: string, token: string | undefined) {
    this.url = url.replace(/\/+$/, '');
    this.#token = token;
  }

  get hasToken(): boolean {
    return this.#token !== undefined;
  }

  get<T>(path: string, options?: RequestOptions): Promise<T> {
    return this.#ask('GET', path, options);
  }

  post<T>(path: string, body?: unknown, options?: RequestOptions): Promise<T> {
    return this.#ask('POST', path, { ...options, body });
  }

  put<T>(path: string, body: unknown, options: RequestOptions = {}): Promise<T> {
    return this.#ask('PUT', path, { ...options, body });
  }

  delete(path: string, options?: RequestOptions): Promise<void> {
    return this.#ask('DELETE', path, options);
  }

  async #ask<T>(method: Method, path: string, options?: RequestOptions): Promise<T> {
    return (await this.exchange(method, path, options)).body as T;
  }

  /** The answer with its headers, for who needs a cookie. Rejects with ApiProblem. */
  async exchange(method: Method, path: string, options: RequestOptions = {}): Promise<{ status: number; headers: Headers; body: unknown }> {
    const response = await this.#send(method, path, options);
    const text = await response.text().catch((error: unknown) => {
      throw this.#unreachable(error);
    });
    const body = text === '' ? undefined : readJson(text);
    if (response.ok || options.takes?.includes(response.status)) {
      if (text !== '' && body === undefined) throw this.#foreign(response.status);
      return { status: response.status, headers: response.headers, body };
    }
    throw this.#refusal(response.status, body);
  }

  async #send(method: Method, path: string, { body, headers, timeoutMs = TIMEOUT_MS }: RequestOptions): Promise<Response> {
    const own: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
    if (this.#token !== undefined && headers === undefined) own.authorization = `Bearer ${this.#token}`;
    try {
      return await fetch(`${this.url}${path}`, {
        method,
        headers: { ...own, ...headers },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(timeoutMs),
        // A token follows nobody elsewhere.
        redirect: 'manual',
      });
    } catch (error) {
      throw this.#unreachable(error);
    }
  }

  #unreachable(error: unknown): ApiProblem {
    return new ApiProblem(0, {
      error: 'unreachable',
      detail: `The gateway does not answer at ${this.url} (${reasonOf(error)}).`,
      whatToDo: 'Check that it runs, and its address: --url or CAUSEWAY_URL.',
    });
  }

  #foreign(status: number): ApiProblem {
    return new ApiProblem(0, {
      error: 'not-the-gateway',
      detail: `What answers at ${this.url} (status ${status}) is not the gateway's API.`,
      whatToDo: 'Check the address: --url or CAUSEWAY_URL. It is that of the web page.',
    });
  }

  #refusal(status: number, body: unknown): ApiProblem {
    if (!isApiAnswer(body)) return this.#foreign(status);
    // Who has no token is taken for a browser, and told of a header.
    const isSignedOut = status === 401 || (this.#token === undefined && body.error === 'missing-header');
    if (!isSignedOut) return new ApiProblem(status, body);
    const detail = this.#token === undefined ? `There is no token for ${this.url} yet.` : 'The token is not valid (any more).';
    return new ApiProblem(status, { ...body, detail, whatToDo: 'Make one: npm run causeway -- login' });
  }
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

const isApiAnswer = (body: unknown): body is ApiAnswer =>
  typeof body === 'object' && body !== null && 'detail' in body && typeof body.detail === 'string' && 'whatToDo' in body;

/** fetch says little itself: its cause has the code. */
function reasonOf(error: unknown): string {
  const { name, message, cause } = error as Error & { cause?: { code?: string; message?: string } };
  if (name === 'TimeoutError') return 'no answer in time';
  return cause?.code ?? cause?.message ?? message;
}
