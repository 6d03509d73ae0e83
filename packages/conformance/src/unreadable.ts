/** Contents that no layout reads as an instance. */
export const UNREADABLE = [
  'not json',
  '',
  'null',
  '[]',
  '{"host":"127.0.0.1"',
  '{"host":"127.0.0.1","port":99999}',
  '\u0000\u0001',
];
