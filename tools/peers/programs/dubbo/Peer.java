package rollcall;

/** `host:port` of ZooKeeper. */
public final class Peer {
  private Peer() {}

  public static void main(String[] args) throws Exception {
    Lines.serve(() -> new Dubbo(args[0]));
  }
}
