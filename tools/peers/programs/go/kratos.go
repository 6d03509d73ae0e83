// Kratos with its own registries, driven by lines of JSON.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	consulregistry "github.com/go-kratos/kratos/contrib/registry/consul/v2"
	etcdregistry "github.com/go-kratos/kratos/contrib/registry/etcd/v2"
	nacosregistry "github.com/go-kratos/kratos/contrib/registry/nacos/v2"
	zookeeperregistry "github.com/go-kratos/kratos/contrib/registry/zookeeper/v2"
	"github.com/go-kratos/kratos/v2/registry"
	"github.com/go-zookeeper/zk"
	"github.com/hashicorp/consul/api"
	"github.com/nacos-group/nacos-sdk-go/clients"
	"github.com/nacos-group/nacos-sdk-go/common/constant"
	"github.com/nacos-group/nacos-sdk-go/vo"
	clientv3 "go.etcd.io/etcd/client/v3"
)

const patience = 10 * time.Second

type kratosRegistry interface {
	registry.Registrar
	registry.Discovery
}

func main() {
	kind := flag.String("registry", "", "etcd, consul, zookeeper or nacos")
	endpoint := flag.String("endpoint", "", "host:port")
	flag.Parse()
	serve(func() (Framework, error) {
		inner, err := open(*kind, *endpoint)
		return &kratos{inner: inner, own: map[string]*registry.ServiceInstance{}}, err
	})
}

func open(kind, endpoint string) (kratosRegistry, error) {
	switch kind {
	case "etcd":
		client, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, DialTimeout: patience})
		if err != nil {
			return nil, err
		}
		return etcdregistry.New(client), nil
	case "consul":
		client, err := api.NewClient(&api.Config{Address: endpoint})
		if err != nil {
			return nil, err
		}
		return consulregistry.New(client), nil
	case "zookeeper":
		conn, _, err := zk.Connect([]string{endpoint}, 5*time.Second)
		if err != nil {
			return nil, err
		}
		return zookeeperregistry.New(conn), nil
	case "nacos":
		host, text, err := net.SplitHostPort(endpoint)
		if err != nil {
			return nil, err
		}
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return nil, err
		}
		folder, err := os.MkdirTemp("", "rollcall-kratos-nacos-")
		if err != nil {
			return nil, err
		}
		client, err := clients.NewNamingClient(vo.NacosClientParam{
			ClientConfig: &constant.ClientConfig{
				NotLoadCacheAtStart: true, CacheDir: folder, LogDir: folder, LogLevel: "error", TimeoutMs: 5000,
			},
			ServerConfigs: []constant.ServerConfig{*constant.NewServerConfig(host, port)},
		})
		if err != nil {
			return nil, err
		}
		return nacosregistry.New(client), nil
	}
	return nil, fmt.Errorf("there is no registry %s", kind)
}

type kratos struct {
	inner kratosRegistry
	// Kratos ends the beats of the very object that it registered.
	own map[string]*registry.ServiceInstance
}

func (k *kratos) Register(raw json.RawMessage) error {
	instance, err := parse(raw)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := k.inner.Register(ctx, instance); err != nil {
		return err
	}
	k.own[instance.ID] = instance
	return nil
}

func (k *kratos) Deregister(raw json.RawMessage) error {
	instance, err := parse(raw)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if own, ok := k.own[instance.ID]; ok {
		instance = own
	}
	return k.inner.Deregister(ctx, instance)
}

func (k *kratos) List(service string) (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return k.inner.GetService(ctx, service)
}

func (k *kratos) Watch(service string, tell func(any)) error {
	watcher, err := k.inner.Watch(context.Background(), service)
	if err != nil {
		return err
	}
	go func() {
		for {
			instances, err := watcher.Next()
			if err != nil {
				fmt.Fprintln(os.Stderr, "watch:", err)
				time.Sleep(100 * time.Millisecond)
				continue
			}
			tell(instances)
		}
	}()
	return nil
}

func parse(raw json.RawMessage) (*registry.ServiceInstance, error) {
	instance := &registry.ServiceInstance{}
	return instance, json.Unmarshal(raw, instance)
}
