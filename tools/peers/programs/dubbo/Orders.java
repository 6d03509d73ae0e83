package rollcall;

/** What the applications here serve. */
public interface Orders {
  String find(String id);
}
