package session_test

import (
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2/memstore"

	"github.com/sallyport-rpc/sallyport/authn/session"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		option session.Option
		want   string
	}{
		"no lifetime":           {session.WithLifetime(0), "lifetime"},
		"negative lifetime":     {session.WithLifetime(-time.Hour), "lifetime"},
		"tiny lifetime":         {session.WithLifetime(time.Second - 1), "lifetime"},
		"endless lifetime":      {session.WithLifetime(400*24*time.Hour + 1), "lifetime"},
		"no idle timeout":       {session.WithIdleTimeout(0), "idle timeout"},
		"negative idle timeout": {session.WithIdleTimeout(-1), "idle timeout"},
		"no cookie name":        {session.WithCookieName(""), "cookie name"},
		"name with a space":     {session.WithCookieName("a b"), "cookie name"},
		"name with an equals":   {session.WithCookieName("a=b"), "cookie name"},
		"name with a semicolon": {session.WithCookieName("a;b"), "cookie name"},
		"name with a break":     {session.WithCookieName("a\r\n"), "cookie name"},
		"name with a prefix":    {session.WithCookieName("__Secure-a"), "cookie name"},
		"no bus":                {session.WithBus(nil), "bus"},
		"no generation":         {session.WithGeneration(nil), "generation"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			manager, err := session.New(memstore.NewWithCleanupInterval(0), anyUser, test.option)
			if manager != nil || err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("New = %v, %v", manager, err)
			}
		})
	}
}

func TestNewNamesEverythingWrong(t *testing.T) {
	t.Parallel()
	_, err := session.New(nil, nil, session.WithLifetime(0), session.WithIdleTimeout(0), session.WithCookieName(""),
		session.WithBus(nil))
	if err == nil {
		t.Fatal("New accepted everything")
	}
	for _, want := range []string{"store is required", "lookup is required", "lifetime", "idle timeout", "cookie name", "bus"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
}

func TestNewTakesTheExtremes(t *testing.T) {
	t.Parallel()
	for _, options := range [][]session.Option{
		nil,
		{session.WithLifetime(time.Second), session.WithIdleTimeout(1)},
		{session.WithLifetime(400 * 24 * time.Hour), session.WithIdleTimeout(1000 * 24 * time.Hour)},
	} {
		if _, err := session.New(memstore.NewWithCleanupInterval(0), anyUser, options...); err != nil {
			t.Error(err)
		}
	}
}
