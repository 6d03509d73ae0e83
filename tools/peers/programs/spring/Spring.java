package rollcall;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.cloud.client.ServiceInstance;
import org.springframework.cloud.client.discovery.DiscoveryClient;
import org.springframework.cloud.client.discovery.event.HeartbeatEvent;
import org.springframework.cloud.client.serviceregistry.AbstractAutoServiceRegistration;
import org.springframework.cloud.client.serviceregistry.AutoServiceRegistration;
import org.springframework.cloud.client.serviceregistry.Registration;
import org.springframework.cloud.client.serviceregistry.ServiceRegistry;
import org.springframework.context.ApplicationListener;
import org.springframework.context.ConfigurableApplicationContext;

/**
 * Spring Boot applications with Spring Cloud's discovery, configured by properties alone as users do. Each registered instance is an
 * application of its own; one more only reads.
 */
final class Spring implements Lines.Framework {
  @SpringBootConfiguration(proxyBeanMethods = false)
  @EnableAutoConfiguration
  static class Application {}

  private final String kind;
  private final String endpoint;
  /** For each application here, such as shorter waits. */
  private final Map<String, Object> more;
  private final Map<String, ConfigurableApplicationContext> registered = new HashMap<>();
  private ConfigurableApplicationContext reader;

  Spring(String kind, String endpoint, Map<String, Object> more) {
    this.kind = kind;
    this.endpoint = endpoint;
    this.more = more;
  }

  /** The instance: `key`, the name under which it is asked to leave, and `properties`. */
  @Override
  public void register(JsonNode instance) {
    Map<String, Object> properties = new LinkedHashMap<>();
    instance.path("properties").fields().forEachRemaining(each -> properties.put(each.getKey(), each.getValue().asText()));
    ConfigurableApplicationContext application = start(properties);
    AutoServiceRegistration automatic = application.getBean(AutoServiceRegistration.class);
    // They wait for a web server, and here is none.
    if (automatic instanceof AbstractAutoServiceRegistration<?> waiting) waiting.start();
    registered.put(instance.path("key").asText(), application);
  }

  /** The instance: `key` and `status`. */
  @Override
  @SuppressWarnings({"unchecked", "rawtypes"})
  public void update(JsonNode instance) {
    ConfigurableApplicationContext application = registered.get(instance.path("key").asText());
    Registration registration = application.getBean(Registration.class);
    ServiceRegistry registry = application.getBean(ServiceRegistry.class);
    registry.setStatus(registration, instance.path("status").asText());
  }

  @Override
  public void deregister(JsonNode instance) {
    registered.remove(instance.path("key").asText()).close();
  }

  @Override
  public Object list(String service) {
    return shown(reader().getBean(DiscoveryClient.class).getInstances(service));
  }

  @Override
  public void watch(String service, Consumer<Object> tell) {
    reader().addApplicationListener((ApplicationListener<HeartbeatEvent>) beat -> tell.accept(list(service)));
    tell.accept(list(service));
  }

  private synchronized ConfigurableApplicationContext reader() {
    if (reader == null) {
      Map<String, Object> properties = new HashMap<>();
      properties.put("spring.application.name", "reader");
      properties.put("spring.cloud.service-registry.auto-registration.enabled", false);
      properties.put("eureka.client.register-with-eureka", false);
      reader = start(properties);
    }
    return reader;
  }

  private ConfigurableApplicationContext start(Map<String, Object> properties) {
    Map<String, Object> all = new HashMap<>();
    all.put("spring.main.banner-mode", "off");
    all.put("logging.level.root", "ERROR");
    all.put("spring.cloud.zookeeper.enabled", kind.equals("zookeeper"));
    all.put("spring.cloud.consul.enabled", kind.equals("consul"));
    all.put("eureka.client.enabled", kind.equals("eureka"));
    all.put("spring.cloud.nacos.discovery.enabled", kind.equals("nacos"));
    switch (kind) {
      case "zookeeper" -> all.put("spring.cloud.zookeeper.connect-string", endpoint);
      case "consul" -> {
        all.put("spring.cloud.consul.host", endpoint.split(":")[0]);
        all.put("spring.cloud.consul.port", endpoint.split(":")[1]);
      }
      case "eureka" -> all.put("eureka.client.service-url.defaultZone", "http://" + endpoint + "/eureka/");
      case "nacos" -> all.put("spring.cloud.nacos.discovery.server-addr", endpoint);
      default -> throw new IllegalArgumentException("there is no registry " + kind);
    }
    all.putAll(more);
    all.putAll(properties);
    // As arguments: what an application is told so stands above what Spring finds out about the machine.
    String[] args = all.entrySet().stream().map(each -> "--" + each.getKey() + "=" + each.getValue()).toArray(String[]::new);
    return new SpringApplicationBuilder(Application.class).web(WebApplicationType.NONE).run(args);
  }

  private static List<Map<String, Object>> shown(List<ServiceInstance> found) {
    return found.stream().map(Spring::shown).toList();
  }

  private static Map<String, Object> shown(ServiceInstance each) {
    Map<String, Object> shown = new HashMap<>();
    shown.put("service", each.getServiceId());
    shown.put("id", each.getInstanceId());
    shown.put("host", each.getHost());
    shown.put("port", each.getPort());
    shown.put("secure", each.isSecure());
    shown.put("url", String.valueOf(each.getUri()));
    shown.put("metadata", each.getMetadata());
    return shown;
  }
}
