/** An object while it is being made; it is handed out as `T`, frozen. */
export type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
