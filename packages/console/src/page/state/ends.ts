/** One end of an allowed way: a namespace, or a service in one; `*` is any namespace. Names are percent-encoded in it. */
export interface End {
  readonly namespace: string;
  readonly service: string | undefined;
}

export function endOf(text: string): End {
  const [namespace = '', service] = text.split('/').map(decode);
  return { namespace, service };
}

/** An end as people read it. */
export function endWords(text: string): string {
  const { namespace, service } = endOf(text);
  if (namespace === '*') return 'any namespace';
  return service === undefined ? namespace : `${namespace} / ${service}`;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
