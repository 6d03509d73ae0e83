package rollcall;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.apache.dubbo.common.URL;
import org.apache.dubbo.config.ApplicationConfig;
import org.apache.dubbo.config.ProtocolConfig;
import org.apache.dubbo.config.RegistryConfig;
import org.apache.dubbo.config.ServiceConfig;
import org.apache.dubbo.config.bootstrap.DubboBootstrap;
import org.apache.dubbo.registry.client.ServiceInstance;
import org.apache.dubbo.registry.client.event.ServiceInstancesChangedEvent;
import org.apache.dubbo.registry.client.event.listener.ServiceInstancesChangedListener;
import org.apache.dubbo.registry.client.metadata.ServiceInstanceMetadataUtils;
import org.apache.dubbo.registry.zookeeper.ZookeeperServiceDiscovery;
import org.apache.dubbo.rpc.model.ApplicationModel;
import org.apache.dubbo.rpc.model.FrameworkModel;

/**
 * Dubbo applications that serve one interface and register as instances of their application. Each is an application of its own; one more
 * only reads.
 */
final class Dubbo implements Lines.Framework {
  private final String endpoint;
  private final Map<String, DubboBootstrap> registered = new HashMap<>();
  private final ZookeeperServiceDiscovery discovery;

  Dubbo(String endpoint) {
    this.endpoint = endpoint;
    ApplicationModel reader = new FrameworkModel().newApplication();
    reader.getApplicationConfigManager().setApplication(application("reader"));
    URL registry = URL.valueOf("zookeeper://" + endpoint, reader);
    discovery = new ZookeeperServiceDiscovery(reader, registry.addParameter("file-cache", false));
  }

  /** The instance: `key`, `application`, `host` and `ports`, protocol by protocol. They are what it tells, as in a container. */
  @Override
  public void register(JsonNode instance) throws IOException {
    System.setProperty("DUBBO_IP_TO_REGISTRY", instance.path("host").asText());
    List<ProtocolConfig> protocols = new ArrayList<>();
    JsonNode ports = instance.path("ports");
    for (Iterator<String> names = ports.fieldNames(); names.hasNext(); ) {
      String name = names.next();
      System.setProperty(name.toUpperCase() + "_DUBBO_PORT_TO_REGISTRY", ports.path(name).asText());
      protocols.add(new ProtocolConfig(name, freePort()));
    }
    RegistryConfig registry = new RegistryConfig("zookeeper://" + endpoint);
    registry.setRegisterMode("instance");
    // A framework of its own: in one, an application takes the ended server of another that told the same host and port.
    DubboBootstrap bootstrap = DubboBootstrap.newInstance(new FrameworkModel())
        .application(application(instance.path("application").asText()))
        .registry(registry)
        .protocols(protocols)
        .service(orders(instance));
    bootstrap.start();
    registered.put(instance.path("key").asText(), bootstrap);
  }

  /** The instance: `key`, and the `group` of one more service. */
  @Override
  public void update(JsonNode instance) {
    DubboBootstrap bootstrap = registered.get(instance.path("key").asText());
    ServiceConfig<Orders> more = orders(instance);
    more.setScopeModel(bootstrap.getApplicationModel().getDefaultModule());
    more.export();
    ServiceInstanceMetadataUtils.refreshMetadataAndInstance(bootstrap.getApplicationModel());
  }

  @Override
  public void deregister(JsonNode instance) {
    registered.remove(instance.path("key").asText()).stop();
  }

  @Override
  public Object list(String service) {
    return shown(discovery.getInstances(service));
  }

  /** Its own watch, without the call to each instance for its metadata that a consumer makes then. */
  @Override
  public void watch(String service, Consumer<Object> tell) {
    discovery.addServiceInstancesChangedListener(new ServiceInstancesChangedListener(Set.of(service), discovery) {
      @Override
      public void onEvent(ServiceInstancesChangedEvent event) {
        tell.accept(shown(event.getServiceInstances()));
      }
    });
    tell.accept(list(service));
  }

  private static ApplicationConfig application(String name) {
    ApplicationConfig application = new ApplicationConfig(name);
    // Without a binding of it, it says nothing.
    application.setLogger("slf4j");
    application.setQosEnable(false);
    application.setEnableFileCache(false);
    return application;
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  private static ServiceConfig<Orders> orders(JsonNode instance) {
    ServiceConfig<Orders> service = new ServiceConfig<>();
    service.setInterface(Orders.class);
    service.setRef(id -> id);
    if (instance.has("group")) service.setGroup(instance.path("group").asText());
    return service;
  }

  private static List<Map<String, Object>> shown(Collection<ServiceInstance> found) {
    return found.stream().map(Dubbo::shown).toList();
  }

  private static Map<String, Object> shown(ServiceInstance each) {
    Map<String, Object> shown = new HashMap<>();
    shown.put("application", each.getServiceName());
    shown.put("host", each.getHost());
    shown.put("port", each.getPort());
    shown.put("metadata", each.getMetadata());
    return shown;
  }
}
