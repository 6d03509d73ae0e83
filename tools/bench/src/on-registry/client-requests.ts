/** What a client and a server speak. */
export type Wire = 'http' | 'grpc' | 'zookeeper';

/** Takes what one client sends, in pieces as they come; gives how many requests began in each. */
export type RequestCounter = (chunk: Buffer) => number;

/**
 * Counts what one connection's client asks of its server, by the protocol's own frames:
 *
 * - `http`: requests of HTTP/1.1.
 * - `grpc`: the frames of HTTP/2 that carry calls: HEADERS, which begin one, and DATA that isn't empty. A call with one
 *   message is two; a message on a stream that is open is one. Pings and settings are none.
 * - `zookeeper`: packets, the pings that keep a session alive among them.
 */
export function requestCounter(wire: Wire): RequestCounter {
  switch (wire) {
    case 'http':
      return httpRequests();
    case 'grpc':
      return grpcFrames();
    case 'zookeeper':
      return zookeeperPackets();
    default:
      return wire satisfies never;
  }
}

/** A step of a protocol: it takes this many bytes and says what comes next; or it passes them by. */
type Step =
  | { readonly take: number; readonly next: (bytes: Buffer) => Step }
  | { readonly takeUntil: string; readonly next: (text: string) => Step }
  | { readonly pass: number; readonly next: () => Step };

/** Works through what comes by steps, whichever way it was cut into pieces. */
function stepping(first: (count: () => void) => Step): RequestCounter {
  let counted = 0;
  let step = first(() => counted++);
  let held: Buffer = Buffer.alloc(0);
  let toPass = 0;
  return (chunk) => {
    counted = 0;
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    for (;;) {
      if ('pass' in step) {
        toPass ||= step.pass;
        const passed = Math.min(toPass, held.length);
        held = held.subarray(passed);
        toPass -= passed;
        if (toPass > 0) return counted;
        step = step.next();
      } else if ('take' in step) {
        if (held.length < step.take) return counted;
        const bytes = held.subarray(0, step.take);
        held = held.subarray(step.take);
        step = step.next(bytes);
      } else {
        const end = held.indexOf(step.takeUntil);
        if (end === -1) return counted;
        const text = held.toString('latin1', 0, end);
        held = held.subarray(end + step.takeUntil.length);
        step = step.next(text);
      }
    }
  };
}

/** https://www.rfc-editor.org/rfc/rfc9112 */
function httpRequests(): RequestCounter {
  return stepping((count) => {
    const request: Step = {
      takeUntil: '\r\n\r\n',
      next(head: string) {
        count();
        if (/^transfer-encoding:.*chunked/imu.test(head)) return piece;
        const length = Number(/^content-length: *(\d+)/imu.exec(head)?.[1] ?? 0);
        return length > 0 ? { pass: length, next: () => request } : request;
      },
    };
    const piece: Step = {
      takeUntil: '\r\n',
      next(line: string) {
        const size = Number.parseInt(line, 16);
        // The last piece is empty; what follows it here is an empty line, as nobody sends trailers.
        return { pass: size + 2, next: () => (size > 0 ? piece : request) };
      },
    };
    return request;
  });
}

/** https://www.rfc-editor.org/rfc/rfc9113#section-4.1 */
function grpcFrames(): RequestCounter {
  return stepping((count) => {
    const frame: Step = {
      take: 9,
      next(head: Buffer) {
        const size = head.readUIntBE(0, 3);
        const type = head[3];
        if (type === HEADERS || (type === DATA && size > 0)) count();
        return size > 0 ? { pass: size, next: () => frame } : frame;
      },
    };
    return { take: PREFACE.length, next: () => frame };
  });
}

/** What a client of HTTP/2 sends first. */
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const DATA = 0;
const HEADERS = 1;

/** Each has its length before it. */
function zookeeperPackets(): RequestCounter {
  return stepping((count) => {
    const packet: Step = {
      take: 4,
      next(head: Buffer) {
        count();
        const size = head.readInt32BE(0);
        return size > 0 ? { pass: size, next: () => packet } : packet;
      },
    };
    return packet;
  });
}
