package redisbus

import (
	"context"
	"errors"
	"net"

	"github.com/redis/go-redis/v9"

	"github.com/sallyport-rpc/sallyport/authn/revocation"
	"github.com/sallyport-rpc/sallyport/internal/option"
)

// A Link is a [revocation.Link] by PUBLISH and SUBSCRIBE. Make one with [New]. It is
// safe for concurrent use.
type Link struct {
	client redis.UniversalClient
	settings
}

var _ revocation.Link = (*Link)(nil)

// New returns a link on a client, which the caller closes after the bus. The error
// names everything that is wrong with the arguments.
func New(client redis.UniversalClient, options ...Option) (*Link, error) {
	chosen := defaults
	err := option.Apply("redisbus", &chosen, options)
	if client == nil {
		err = errors.Join(errors.New("redisbus: a client is required"), err)
	}
	if err != nil {
		return nil, err
	}
	return &Link{client, chosen}, nil
}

// Publish publishes to the channel.
func (l *Link) Publish(ctx context.Context, revoked revocation.Revocation) error {
	text, err := revoked.MarshalText()
	if err != nil {
		return err
	}
	return l.client.Publish(ctx, l.channel, text).Err()
}

var errSilent = errors.New("redisbus: the server does not answer")

// Subscribe subscribes to the channel, on a connection of its own that it closes when
// it returns.
func (l *Link) Subscribe(ctx context.Context, receive func(revocation.Revocation)) error {
	channel := l.client.Subscribe(ctx) // to nothing yet, since this one says no error
	defer channel.Close()
	// A read does not end with its context.
	defer context.AfterFunc(ctx, func() { _ = channel.Close() })()
	if err := channel.Subscribe(ctx, l.channel); err != nil {
		return err
	}
	for asked := false; ; {
		message, err := channel.ReceiveTimeout(ctx, l.heartbeat)
		timeout, ok := errors.AsType[net.Error](err)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			asked = false
			deliver(message, receive)
		case !ok || !timeout.Timeout():
			return err
		case asked:
			return errSilent
		default:
			asked = true
			if err := channel.Ping(ctx); err != nil {
				return err
			}
		}
	}
}

// deliver passes a message on. A second confirmation of the subscription means that
// the client has reconnected by itself, and may have missed something.
func deliver(message any, receive func(revocation.Revocation)) {
	switch message := message.(type) {
	case *redis.Subscription:
		receive(revocation.OfEverything())
	case *redis.Message:
		receive(revocation.Parse([]byte(message.Payload)))
	}
}
