import type { BenchedRegistry } from './benched-registry.ts';

/** What the page says of a registry that is measured. */
export interface RegistryTitle {
  readonly name: string;
  /** Rollcall is compared with this. */
  readonly bare: string;
  /** What is decoded where whole lists are sent, in words; left out where none are. */
  readonly decoding?: string;
  /** What a reader must know to read the figures. */
  readonly notes: readonly string[];
  /** Loads the rest: so each is measured without the libraries of the others, and fails alone. */
  load(): Promise<BenchedRegistry>;
}

/** By type, in the order of the page. */
export const BENCHED_REGISTRIES = {
  etcd: {
    name: 'etcd',
    bare: 'bare etcd3',
    notes: [
      'Requests: frames of HTTP/2 from the client that carry calls, HEADERS and DATA; a call with one message is two.',
      'etcd tells each change alone: there is no whole list to work through.',
    ],
    load: async () => (await import('./etcd.ts')).etcd,
  },
  zookeeper: {
    name: 'ZooKeeper',
    bare: 'bare node-zookeeper-client',
    decoding: 'getChildren of the bare library',
    notes: [
      "Requests: packets from the client, the session's pings among them.",
      'The bare client watches the names and the data of each instance, reads again what changed, and resumes nothing.',
      'ZooKeeper sends all names when an instance comes or goes, so that is the change whose CPU is measured.',
    ],
    load: async () => (await import('./zookeeper.ts')).zookeeper,
  },
  consul: {
    name: 'Consul',
    bare: 'bare consul',
    decoding: 'bare JSON.parse of the answer',
    notes: [
      'Requests: those of HTTP. Consul wants a beat for each instance.',
      'The bare client takes its lists from `consul.watch` with the defaults, and sends a beat each 5 s.',
    ],
    load: async () => (await import('./consul.ts')).consul,
  },
  nacos: {
    name: 'Nacos',
    bare: 'bare nacos (HTTP, UDP)',
    decoding: 'bare JSON.parse of the list',
    notes: [
      'Nacos 3. Rollcall speaks gRPC, the bare library HTTP; its changes come by UDP where they fit a packet, else when it asks next.',
      'Requests: those of HTTP, and frames of HTTP/2 from the client that carry calls, HEADERS and DATA; a call with one message is two.',
      'Nacos tells changes half a second late, those of that time together. For `JSON.parse` it is the list as its HTTP interface gives it.',
    ],
    load: async () => (await import('./nacos.ts')).nacos,
  },
  eureka: {
    name: 'Eureka',
    bare: 'bare fetch',
    decoding: 'bare JSON.parse of the list',
    notes: [
      'Requests: those of HTTP. The bare client asks for whole lists every 3 s, as often as Rollcall asks what changed, and for all services at once where it follows more than one.',
      'The server renews its cached answers every 0.5 s, not every 30 s as is its default, and tells changes for 15 s, not for 180 s; for the CPU of a change Rollcall asks every 0.5 s.',
    ],
    load: async () => (await import('./eureka.ts')).eureka,
  },
} as const satisfies Readonly<Record<string, RegistryTitle>>;

/** The types of registries that are measured. */
export type BenchedType = keyof typeof BENCHED_REGISTRIES;
