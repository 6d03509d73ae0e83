package rollcall;

import java.util.HashMap;
import java.util.Map;

/** `curator|zookeeper|consul|eureka|nacos host:port [property=value …]`. */
public final class Peer {
  private Peer() {}

  public static void main(String[] args) throws Exception {
    Map<String, Object> more = new HashMap<>();
    for (int i = 2; i < args.length; i++) {
      String[] pair = args[i].split("=", 2);
      more.put(pair[0], pair[1]);
    }
    Lines.serve(() -> args[0].equals("curator") ? new Curator(args[1]) : new Spring(args[0], args[1], more));
  }
}
