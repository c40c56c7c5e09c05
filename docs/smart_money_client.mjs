// The Smart Money API from JavaScript: Node 18 or later, or a browser on the same site. Nothing else is needed.
//
//   import { SmartMoneyClient, sized } from "./smart_money_client.mjs";
//   const client = new SmartMoneyClient("http://127.0.0.1:3001");
//   const found = await client.confirm("SOL", "long", { source: "my bot" });
//   const amount = sized(found, 2.0); // 0 for a veto: then send no order
//
// It places no orders. With ccxt: `if (amount > 0) await exchange.createOrder("SOL/USDT:USDT", "market", "buy", amount)`.

/** code: invalid_params, unauthorized, rate_limit_exceeded, data_stale …; unreachable where nothing answered in time. */
export class SmartMoneyError extends Error {
  constructor(code, message, { status = 0, data = null } = {}) {
    super(`${code}: ${message}`);
    this.code = code;
    this.status = status;
    this.data = data; // with data_stale: what was answered last
  }
}

export class SmartMoneyClient {
  #base;
  #headers = { Accept: "application/json" };
  #timeoutMs;

  constructor(base = "http://127.0.0.1:3001", { apiKey = "", token = "", timeoutMs = 5000 } = {}) {
    this.#base = base.replace(/\/+$/, "");
    this.#timeoutMs = timeoutMs;
    if (apiKey) this.#headers["X-API-Key"] = apiKey;
    if (token) this.#headers.Authorization = `Bearer ${token}`;
  }

  /** Does a trade go with the score? direction: "long" or "short". */
  confirm(symbol, direction, { source = "" } = {}) {
    return this.get("/v1/confirm", { symbol, direction, ...(source && { source }) });
  }

  /** Any address of the API. Throws SmartMoneyError and nothing else. */
  async get(path, query = {}) {
    const words = new URLSearchParams(query).toString();
    let answer, body;
    try {
      answer = await fetch(this.#base + path + (words && `?${words}`), {
        headers: this.#headers,
        redirect: "error",
        signal: AbortSignal.timeout(this.#timeoutMs),
      });
      body = await answer.json();
    } catch (problem) {
      throw new SmartMoneyError("unreachable", problem.message, { status: answer?.status ?? 0 });
    }
    if (answer.ok) return body;
    const error = body?.error ?? {};
    throw new SmartMoneyError(error.code ?? "unreachable", error.message ?? `HTTP ${answer.status}`, {
      status: answer.status,
      data: body?.data ?? null,
    });
  }
}

/** An order's amount by the rule of the answer: 0 for a veto; as it is where nothing is known. */
export function sized(found, amount) {
  return found.confidence === "NO_DATA" ? amount : amount * found.size_mult;
}
