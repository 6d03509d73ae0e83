// Kitex' registry and resolver for etcd, driven by lines of JSON.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/cloudwego/kitex/pkg/discovery"
	"github.com/cloudwego/kitex/pkg/registry"
	"github.com/cloudwego/kitex/pkg/utils"
	etcd "github.com/kitex-contrib/registry-etcd"
)

const patience = 10 * time.Second

func main() {
	endpoint := flag.String("endpoint", "", "host:port")
	flag.Parse()
	serve(func() (Framework, error) {
		endpoints := []string{*endpoint}
		resolver, err := etcd.NewEtcdResolver(endpoints)
		return &kitex{endpoints: endpoints, resolver: resolver, own: map[string]registry.Registry{}}, err
	})
}

// served is what a Kitex server tells its registry of itself, and what a client's resolver makes of it.
type served struct {
	Service string            `json:"service"`
	Address string            `json:"address"`
	Weight  int               `json:"weight"`
	Tags    map[string]string `json:"tags"`
}

type kitex struct {
	endpoints []string
	resolver  discovery.Resolver
	// A registry of Kitex is one server's: it keeps one lease.
	own map[string]registry.Registry
}

func (k *kitex) Register(raw json.RawMessage) error {
	instance, info, err := parse(raw)
	if err != nil {
		return err
	}
	own, err := etcd.NewEtcdRegistry(k.endpoints)
	if err != nil {
		return err
	}
	k.own[instance.Address] = own
	return own.Register(info)
}

func (k *kitex) Deregister(raw json.RawMessage) error {
	instance, info, err := parse(raw)
	if err != nil {
		return err
	}
	own, ok := k.own[instance.Address]
	if !ok {
		return fmt.Errorf("%s was not registered here", instance.Address)
	}
	delete(k.own, instance.Address)
	return own.Deregister(info)
}

// List gives what a Kitex client would choose from.
func (k *kitex) List(service string) (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	list := []served{}
	result, err := k.resolver.Resolve(ctx, service)
	if err != nil {
		// To Kitex a service without instances is an error, and one that has no type.
		if strings.HasPrefix(err.Error(), "no instance remains") {
			return list, nil
		}
		return nil, err
	}
	for _, each := range result.Instances {
		list = append(list, served{
			Service: service,
			Address: each.Address().String(),
			Weight:  each.Weight(),
			Tags:    each.(interface{ Tags() map[string]string }).Tags(),
		})
	}
	return list, nil
}

func (k *kitex) Watch(string, func(any)) error {
	return errors.New("Kitex' resolver has no watch: its clients resolve again and again")
}

func parse(raw json.RawMessage) (served, *registry.Info, error) {
	var given served
	err := json.Unmarshal(raw, &given)
	return given, &registry.Info{
		ServiceName: given.Service,
		Addr:        utils.NewNetAddr("tcp", given.Address),
		Weight:      given.Weight,
		Tags:        given.Tags,
	}, err
}
