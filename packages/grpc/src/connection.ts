import { type ChannelOptions, connectivityState, type experimental } from '@grpc/grpc-js';
import { type ServiceInstance } from '@rollcall/core';
import { grpcAddress } from './grpc-address.ts';

/** A connection to one instance, kept up until it is closed: gRPC itself lets one that broke rest until it is asked for. */
export class Connection {
  readonly subchannel: experimental.SubchannelInterface;
  /** As it is listed now. */
  instance: ServiceInstance;
  /** Why the last attempt failed. */
  lastError: string | undefined;
  readonly #helper: experimental.ChannelControlHelper;
  readonly #onChange: () => void;
  #hasFailed = false;

  constructor(
    instance: ServiceInstance,
    options: ChannelOptions,
    helper: experimental.ChannelControlHelper,
    onChange: () => void,
  ) {
    this.instance = instance;
    this.#helper = helper;
    this.#onChange = onChange;
    const { host, port } = grpcAddress(instance);
    this.subchannel = helper.createSubchannel({ host, port }, options);
    this.subchannel.ref();
    helper.addChannelzChild(this.subchannel.getChannelzRef());
    this.subchannel.addConnectivityStateListener(this.#onState);
    // Channels share what is connected; one that just failed is tried at once, as the registry lists it anew.
    if (this.subchannel.getConnectivityState() === connectivityState.TRANSIENT_FAILURE) this.retryNow();
    this.subchannel.startConnecting();
  }

  get isReady(): boolean {
    return this.subchannel.getConnectivityState() === connectivityState.READY;
  }

  /** Whether it couldn't be reached, since it last could. Then it isn't waited for, though another attempt is under way. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Doesn't wait for the end of the backoff. */
  retryNow(): void {
    this.subchannel.getRealSubchannel().resetBackoff();
  }

  /** Takes no new calls. Those under way go on: gRPC closes the socket after the last. */
  close(): void {
    this.subchannel.removeConnectivityStateListener(this.#onState);
    this.#helper.removeChannelzChild(this.subchannel.getChannelzRef());
    this.subchannel.unref();
  }

  readonly #onState: experimental.ConnectivityStateListener = (
    _subchannel,
    _was,
    state,
    _keepalive,
    error,
  ) => {
    if (state === connectivityState.READY) this.#hasFailed = false;
    else if (state === connectivityState.TRANSIENT_FAILURE) {
      this.#hasFailed = true;
      this.lastError = `${this.subchannel.getAddress()}: ${error ?? 'the connection failed'}`;
    }
    // Does nothing while it is connecting or connected; in backoff, it begins after that.
    this.subchannel.startConnecting();
    this.#onChange();
  };
}
