package rollcall;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryOneTime;
import org.apache.curator.x.discovery.ServiceCache;
import org.apache.curator.x.discovery.ServiceDiscovery;
import org.apache.curator.x.discovery.ServiceDiscoveryBuilder;
import org.apache.curator.x.discovery.ServiceInstance;
import org.apache.curator.x.discovery.ServiceInstanceBuilder;
import org.apache.curator.x.discovery.UriSpec;
import org.apache.curator.x.discovery.details.JsonInstanceSerializer;
import org.apache.curator.x.discovery.details.ServiceCacheListener;
import org.springframework.cloud.zookeeper.discovery.ZookeeperInstance;

/** Curator's service discovery by itself, with Spring Cloud's payload or none. */
final class Curator implements Lines.Framework {
  private static final ObjectMapper JSON = new ObjectMapper();
  private final ServiceDiscovery<ZookeeperInstance> discovery;

  Curator(String endpoint) throws Exception {
    CuratorFramework client = CuratorFrameworkFactory.newClient(endpoint, new RetryOneTime(100));
    client.start();
    discovery = ServiceDiscoveryBuilder.builder(ZookeeperInstance.class)
        .client(client)
        .basePath("/services")
        .serializer(new JsonInstanceSerializer<>(ZookeeperInstance.class))
        .build();
    discovery.start();
  }

  @Override
  public void register(JsonNode instance) throws Exception {
    discovery.registerService(build(instance));
  }

  @Override
  public void update(JsonNode instance) throws Exception {
    discovery.updateService(build(instance));
  }

  @Override
  public void deregister(JsonNode instance) throws Exception {
    discovery.unregisterService(build(instance));
  }

  @Override
  public Object list(String service) throws Exception {
    return shown(discovery.queryForInstances(service));
  }

  @Override
  public void watch(String service, Consumer<Object> tell) throws Exception {
    ServiceCache<ZookeeperInstance> cache = discovery.serviceCacheBuilder().name(service).build();
    cache.addListener(new ServiceCacheListener() {
      @Override
      public void cacheChanged() {
        tell.accept(shown(cache.getInstances()));
      }

      @Override
      public void stateChanged(CuratorFramework client, ConnectionState state) {}
    });
    cache.start();
    tell.accept(shown(cache.getInstances()));
  }

  private static ServiceInstance<ZookeeperInstance> build(JsonNode instance) throws Exception {
    ServiceInstanceBuilder<ZookeeperInstance> builder = ServiceInstance.<ZookeeperInstance>builder()
        .name(instance.path("name").asText())
        .id(instance.path("id").asText())
        .address(instance.path("address").asText())
        .enabled(instance.path("enabled").asBoolean(true));
    if (instance.has("port")) builder.port(instance.path("port").asInt());
    if (instance.has("sslPort")) builder.sslPort(instance.path("sslPort").asInt());
    if (instance.has("uriSpec")) builder.uriSpec(new UriSpec(instance.path("uriSpec").asText()));
    if (instance.has("payload")) {
      builder.payload(JSON.treeToValue(instance.path("payload"), ZookeeperInstance.class));
    }
    return builder.build();
  }

  private static List<Map<String, Object>> shown(Collection<ServiceInstance<ZookeeperInstance>> found) {
    return found.stream().map(Curator::shown).toList();
  }

  private static Map<String, Object> shown(ServiceInstance<ZookeeperInstance> each) {
    Map<String, Object> shown = new HashMap<>();
    shown.put("name", each.getName());
    shown.put("id", each.getId());
    shown.put("address", each.getAddress());
    shown.put("port", each.getPort());
    shown.put("sslPort", each.getSslPort());
    shown.put("enabled", each.isEnabled());
    shown.put("type", String.valueOf(each.getServiceType()));
    shown.put("url", each.getUriSpec() == null ? null : each.buildUriSpec());
    shown.put("metadata", each.getPayload() == null ? null : each.getPayload().getMetadata());
    return shown;
  }
}
