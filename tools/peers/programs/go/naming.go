// etcd's own gRPC naming, and go-zero's discov, driven by lines of JSON.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"time"

	"github.com/zeromicro/go-zero/core/discov"
	"github.com/zeromicro/go-zero/core/logx"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/naming/endpoints"
)

const (
	patience   = 10 * time.Second
	ttlSeconds = 15
)

//
func main() {
	kind := flag.String("registry", "", "grpc-naming or go-zero")
	endpoint := flag.String("endpoint", "", "host:port")
	flag.Parse()
	serve(func() (Framework, error) {
		switch *kind {
		case "grpc-naming":
			client, err := clientv3.New(clientv3.Config{Endpoints: []string{*endpoint}, DialTimeout: patience})
			return &grpcNaming{client: client}, err
		case "go-zero":
			logx.Disable()
			return &goZero{endpoints: []string{*endpoint}, own: map[string]*discov.Publisher{}}, nil
		}
		return nil, fmt.Errorf("there is no registry %s", *kind)
	})
}

// named is an instance of gRPC naming: the target, its address and what else it says.
type named struct {
	Service  string `json:"service"`
	Addr     string `json:"addr"`
	Metadata any    `json:"metadata"`
}

type grpcNaming struct{ client *clientv3.Client }

func (g *grpcNaming) Register(raw json.RawMessage) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var instance named
	if err := json.Unmarshal(raw, &instance); err != nil {
		return err
	}
	manager, err := endpoints.NewManager(g.client, instance.Service)
	if err != nil {
		return err
	}
	lease, err := g.client.Grant(ctx, ttlSeconds)
	if err != nil {
		return err
	}
	beats, err := g.client.KeepAlive(context.Background(), lease.ID)
	if err != nil {
		return err
	}
	go func() {
		for range beats {
		}
	}()
	endpoint := endpoints.Endpoint{Addr: instance.Addr, Metadata: instance.Metadata}
	key := instance.Service + "/" + instance.Addr
	return manager.AddEndpoint(ctx, key, endpoint, clientv3.WithLease(lease.ID))
}

func (g *grpcNaming) Deregister(raw json.RawMessage) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var instance named
	if err := json.Unmarshal(raw, &instance); err != nil {
		return err
	}
	manager, err := endpoints.NewManager(g.client, instance.Service)
	if err != nil {
		return err
	}
	return manager.DeleteEndpoint(ctx, instance.Service+"/"+instance.Addr)
}

func (g *grpcNaming) List(service string) (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	manager, err := endpoints.NewManager(g.client, service)
	if err != nil {
		return nil, err
	}
	found, err := manager.List(ctx)
	return asList(service, found), err
}

func (g *grpcNaming) Watch(service string, tell func(any)) error {
	manager, err := endpoints.NewManager(g.client, service)
	if err != nil {
		return err
	}
	updates, err := manager.NewWatchChannel(context.Background())
	if err != nil {
		return err
	}
	go func() {
		known := endpoints.Key2EndpointMap{}
		for changes := range updates {
			for _, change := range changes {
				if change.Op == endpoints.Delete {
					delete(known, change.Key)
				} else {
					known[change.Key] = change.Endpoint
				}
			}
			tell(asList(service, known))
		}
	}()
	return nil
}

func asList(service string, found endpoints.Key2EndpointMap) []named {
	list := []named{}
	for _, each := range found {
		list = append(list, named{Service: service, Addr: each.Addr, Metadata: each.Metadata})
	}
	return list
}

// published is an instance of go-zero: a key, a number that makes it one's own, and an address.
type published struct {
	Service string `json:"service"`
	ID      int64  `json:"id"`
	Addr    string `json:"addr"`
}

type goZero struct {
	endpoints []string
	own       map[string]*discov.Publisher
}

func (g *goZero) Register(raw json.RawMessage) error {
	var instance published
	if err := json.Unmarshal(raw, &instance); err != nil {
		return err
	}
	publisher := discov.NewPublisher(g.endpoints, instance.Service, instance.Addr, discov.WithId(instance.ID))
	g.own[instance.Addr] = publisher
	return publisher.KeepAlive()
}

func (g *goZero) Deregister(raw json.RawMessage) error {
	var instance published
	if err := json.Unmarshal(raw, &instance); err != nil {
		return err
	}
	publisher, ok := g.own[instance.Addr]
	if !ok {
		return fmt.Errorf("%s was not registered here", instance.Addr)
	}
	publisher.Stop()
	return nil
}

// List gives addresses: go-zero's readers see nothing else.
func (g *goZero) List(service string) (any, error) {
	subscriber, err := discov.NewSubscriber(g.endpoints, service)
	if err != nil {
		return nil, err
	}
	defer subscriber.Close()
	return append([]string{}, subscriber.Values()...), nil
}

func (g *goZero) Watch(service string, tell func(any)) error {
	subscriber, err := discov.NewSubscriber(g.endpoints, service)
	if err != nil {
		return err
	}
	say := func() { tell(append([]string{}, subscriber.Values()...)) }
	subscriber.AddListener(say)
	say()
	return nil
}
