package apikey_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sallyport-rpc/sallyport/authn/apikey"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		option apikey.Option
		want   string
	}{
		"no prefix":               {apikey.WithPrefix(""), "prefix"},
		"prefix in upper case":    {apikey.WithPrefix("Sp"), "prefix"},
		"prefix with a digit":     {apikey.WithPrefix("1a"), "prefix"},
		"prefix with a dash":      {apikey.WithPrefix("a-b"), "prefix"},
		"prefix with its end":     {apikey.WithPrefix("a_"), "prefix"},
		"prefix with a break":     {apikey.WithPrefix("a\n"), "prefix"},
		"endless prefix":          {apikey.WithPrefix(strings.Repeat("a", 17)), "prefix"},
		"the sessions' prefix":    {apikey.WithPrefix("ses"), "prefix"},
		"no header":               {apikey.WithHeader(""), "header"},
		"header with a space":     {apikey.WithHeader("Api Key"), "header"},
		"header with a colon":     {apikey.WithHeader("Api:"), "header"},
		"header with a break":     {apikey.WithHeader("Api\r\n"), "header"},
		"header not in ASCII":     {apikey.WithHeader("Schlüssel"), "header"},
		"the cookies":             {apikey.WithHeader("cookie"), "header"},
		"the host":                {apikey.WithHeader("Host"), "header"},
		"a proxy's":               {apikey.WithHeader("X-Forwarded-User"), "header"},
		"one of HTTP":             {apikey.WithHeader("Content-Type"), "header"},
		"one of gRPC":             {apikey.WithHeader("grpc-timeout"), "header"},
		"one of Connect":          {apikey.WithHeader("connect-protocol-version"), "header"},
		"a negative use interval": {apikey.WithUseInterval(-1), "interval"},
		"no bus":                  {apikey.WithBus(nil), "bus"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			manager, err := apikey.New(newMemory(), members, test.option)
			if manager != nil || err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("New = %v, %v", manager, err)
			}
		})
	}
}

func TestNewNamesEverythingWrong(t *testing.T) {
	t.Parallel()
	_, err := apikey.New(nil, nil, apikey.WithPrefix(""), apikey.WithHeader(""), apikey.WithUseInterval(-1), apikey.WithBus(nil))
	if err == nil {
		t.Fatal("New accepted everything")
	}
	for _, want := range []string{"store is required", "lookup is required", "prefix", "header", "interval", "bus"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	for _, store := range []apikey.Store{(*apikey.Database)(nil), apikey.SQLite(nil), apikey.PostgreSQL(nil)} {
		if _, err := apikey.New(store, members); err == nil {
			t.Errorf("New accepted %#v", store)
		}
	}
}

func TestNewTakesTheExtremes(t *testing.T) {
	t.Parallel()
	for _, options := range [][]apikey.Option{
		nil,
		{apikey.WithPrefix("a"), apikey.WithUseInterval(0)},
		{apikey.WithPrefix("a" + strings.Repeat("1", 15)), apikey.WithUseInterval(1 << 62 * time.Nanosecond)},
		{apikey.WithHeader("authorization")},
		{apikey.WithHeader("X-Api-Key")},
		{apikey.WithHeader("apikey")},
	} {
		manager := newManager(t, newMemory(), options...)
		if _, text := issue(t, manager, "ada"); !strings.HasPrefix(text, "sp_") && options == nil {
			t.Errorf("a key begins with %q", text[:3])
		}
	}
}
