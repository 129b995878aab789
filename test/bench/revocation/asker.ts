import net from 'node:net';

/** The connection ended before an answer began. */
class Closed extends Error {}

/** An HTTP client with one keep-alive connection that asks for one page after the other and costs little itself. */
export class Asker {
  readonly #port: number;
  #socket: net.Socket | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  /** The status of the page for these credentials. */
  async status(path: string, authorization: string): Promise<number> {
    const kept = this.#socket !== undefined;
    try {
      return await this.#ask(path, authorization);
    } catch (error) {
      // The server may close a kept connection at any time, before it reads the request: as browsers do, ask once more.
      if (!kept || !(error instanceof Closed)) throw error;
      return await this.#ask(path, authorization);
    }
  }

  #ask(path: string, authorization: string): Promise<number> {
    // One that the server closed while nothing was asked says nothing any more.
    if (this.#socket?.destroyed || this.#socket?.readableEnded) this.close();
    const socket = this.#socket ?? net.connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
    this.#socket = socket;
    return new Promise((resolve, reject) => {
      let text = '';
      const finish = (settle: () => void) => {
        socket.removeAllListeners();
        socket.on('error', () => {});
        settle();
      };
      const fail = (why: string) => {
        this.close();
        const Kind = text === '' ? Closed : Error;
        finish(() => reject(new Kind(`${path}: ${why}`)));
      };
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1');
        const head = text.indexOf('\r\n\r\n');
        if (head < 0) return;
        const size = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, head + 2));
        const status = /^HTTP\/1\.1 (\d{3})/.exec(text);
        if (!size || !status) return fail(`unexpected answer: ${text.slice(0, head)}`);
        if (text.length < head + 4 + Number(size[1])) return;
        if (/\r\nconnection: *close/i.test(text.slice(0, head + 2))) this.close();
        finish(() => resolve(Number(status[1])));
      });
      socket.on('error', (error) => fail(error.message));
      socket.on('close', () => fail('the server closed the connection'));
      socket.write(`GET ${path} HTTP/1.1\r\nHost: bench\r\nAuthorization: ${authorization}\r\n\r\n`);
    });
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }
}
