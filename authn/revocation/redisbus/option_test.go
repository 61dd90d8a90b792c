package redisbus_test

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sallyport-rpc/sallyport/authn/revocation/redisbus"
)

// What a link does is tested in package revocation, beside the other one.

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"}) // it does not connect yet
	t.Cleanup(func() { client.Close() })
	for name, test := range map[string]struct {
		client  redis.UniversalClient
		options []redisbus.Option
		want    []string
	}{
		"no client":      {nil, nil, []string{"a client is required"}},
		"no channel":     {client, []redisbus.Option{redisbus.WithChannel("")}, []string{"a channel is required"}},
		"no heartbeat":   {client, []redisbus.Option{redisbus.WithHeartbeat(0)}, []string{"a heartbeat of 0s"}},
		"slow heartbeat": {client, []redisbus.Option{redisbus.WithHeartbeat(16 * time.Second)}, []string{"a heartbeat of 16s"}},
		"everything": {nil, []redisbus.Option{redisbus.WithChannel(""), redisbus.WithHeartbeat(-1)}, []string{
			"a client is required", "a channel is required", "a heartbeat of -1ns",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			link, err := redisbus.New(test.client, test.options...)
			if link != nil || err == nil {
				t.Fatalf("got %v and %v", link, err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %v", want, err)
				}
			}
		})
	}
}

func TestSlowestHeartbeat(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"}) // it does not connect yet
	t.Cleanup(func() { client.Close() })
	if _, err := redisbus.New(client, redisbus.WithHeartbeat(15*time.Second)); err != nil {
		t.Error(err)
	}
}
