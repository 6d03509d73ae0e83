package rollcall;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;

/** Answers lines of JSON on standard input with lines on standard output. */
final class Lines {
  /** What another framework's own library does. */
  interface Framework {
    void register(JsonNode instance) throws Exception;

    /** Changes what is registered, as far as the framework has a way. */
    void update(JsonNode instance) throws Exception;

    void deregister(JsonNode instance) throws Exception;

    Object list(String service) throws Exception;

    /** Tells the whole list, at first and after each change. */
    void watch(String service, Consumer<Object> tell) throws Exception;
  }

  interface Opening {
    Framework open() throws Exception;
  }

  private static final ObjectMapper JSON = new ObjectMapper();
  /** The libraries print to standard output too, so it is ours alone under another name. */
  private static final PrintStream ANSWERS = new PrintStream(System.out, true, StandardCharsets.UTF_8);

  private Lines() {}

  /** Ends with standard input. Nothing is deregistered then: a test asks for that. */
  static void serve(Opening opening) throws Exception {
    System.setOut(System.err);
    Framework framework = opening.open();
    say(Map.of("ready", true));
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = input.readLine(); line != null; line = input.readLine()) {
      JsonNode request = JSON.readTree(line);
      int id = request.path("id").asInt();
      Map<String, Object> reply = new HashMap<>();
      reply.put("id", id);
      try {
        reply.put("result", answer(framework, request, id));
      } catch (Exception | LinkageError error) {
        reply.put("error", error.toString());
      }
      say(reply);
    }
    Runtime.getRuntime().halt(0);
  }

  private static Object answer(Framework framework, JsonNode request, int id) throws Exception {
    JsonNode instance = request.path("instance");
    String service = request.path("service").asText();
    switch (request.path("do").asText()) {
      case "register" -> framework.register(instance);
      case "update" -> framework.update(instance);
      case "deregister" -> framework.deregister(instance);
      case "list" -> {
        return framework.list(service);
      }
      case "watch" -> framework.watch(service, list -> say(Map.of("watch", id, "instances", list)));
      default -> throw new IllegalArgumentException("there is no such command");
    }
    return null;
  }

  private static synchronized void say(Object line) {
    try {
      ANSWERS.println(JSON.writeValueAsString(line));
    } catch (Exception error) {
      throw new IllegalStateException(error);
    }
  }
}
