package server

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

// The address of a call is its peer's, or what trusted proxies say of it.
func TestPeerAddress(t *testing.T) {
	t.Parallel()
	const proxy, client = "10.0.0.1:4711", "203.0.113.7"
	for name, test := range map[string]struct {
		remote  string
		headers []string
		want    string
	}{
		"no proxy":                  {"203.0.113.9:4711", nil, "203.0.113.9"},
		"a client that claims":      {"203.0.113.9:4711", []string{client}, "203.0.113.9"},
		"mapped IPv4":               {"[::ffff:203.0.113.9]:4711", nil, "203.0.113.9"},
		"IPv6":                      {"[2001:db8::9]:4711", nil, "2001:db8::9"},
		"a zone":                    {"[fe80::9%eth0]:4711", nil, "fe80::9"},
		"a Unix socket":             {"@", nil, ""},
		"a Unix socket, claiming":   {"@", []string{client}, ""},
		"nothing":                   {"", []string{client}, ""},
		"a proxy, no header":        {proxy, nil, "10.0.0.1"},
		"a proxy":                   {proxy, []string{client}, client},
		"a mapped proxy":            {"[::ffff:10.0.0.1]:4711", []string{client}, client},
		"an IPv6 proxy":             {"[2001:db8:1::1]:4711", []string{client}, client},
		"a proxy with a zone":       {"[fd00::1%eth0]:4711", []string{client}, client},
		"the last of several":       {proxy, []string{"198.51.100.1, " + client}, client},
		"behind two proxies":        {proxy, []string{client + ", 10.0.0.2"}, client},
		"behind three, on lines":    {proxy, []string{"198.51.100.1", client, "10.0.0.3,10.0.0.2"}, client},
		"between two proxies":       {proxy, []string{"10.9.9.9, " + client + ", 10.0.0.2"}, client},
		"proxies alone":             {proxy, []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.1"},
		"no spaces":                 {proxy, []string{"198.51.100.1," + client}, client},
		"tabs":                      {proxy, []string{"198.51.100.1 ,\t" + client + "\t"}, client},
		"a port":                    {proxy, []string{client + ":65535"}, client},
		"IPv6 in the header":        {proxy, []string{"2001:db8::7"}, "2001:db8::7"},
		"IPv6, longer":              {proxy, []string{"2001:0DB8:0:0::7"}, "2001:db8::7"},
		"IPv6 in brackets":          {proxy, []string{"[2001:db8::7]"}, "2001:db8::7"},
		"IPv6 with a port":          {proxy, []string{"[2001:db8::7]:443"}, "2001:db8::7"},
		"mapped in the header":      {proxy, []string{"::ffff:203.0.113.7"}, client},
		"a mapped proxy in it":      {proxy, []string{client + ", ::ffff:10.0.0.2"}, client},
		"garbage before the client": {proxy, []string{"garbage, , unknown, " + client}, client},
		"an empty line before it":   {proxy, []string{"", client}, client},

		"garbage":               {proxy, []string{"garbage"}, "10.0.0.1"},
		"garbage at the end":    {proxy, []string{client + ", garbage"}, "10.0.0.1"},
		"garbage, then a proxy": {proxy, []string{client + ", garbage, 10.0.0.2"}, "10.0.0.1"},
		"unknown":               {proxy, []string{"unknown"}, "10.0.0.1"},
		"empty":                 {proxy, []string{""}, "10.0.0.1"},
		"a comma":               {proxy, []string{client + ","}, "10.0.0.1"},
		"a comma and a space":   {proxy, []string{client + ", "}, "10.0.0.1"},
		"an empty entry":        {proxy, []string{client + ", , 10.0.0.2"}, "10.0.0.1"},
		"an empty last line":    {proxy, []string{client, ""}, "10.0.0.1"},
		"no number of a port":   {proxy, []string{client + ":"}, "10.0.0.1"},
		"a port too high":       {proxy, []string{client + ":65536"}, "10.0.0.1"},
		"a negative port":       {proxy, []string{client + ":-1"}, "10.0.0.1"},
		"IPv4 in brackets":      {proxy, []string{"[" + client + "]"}, "10.0.0.1"},
		"half a bracket":        {proxy, []string{"[2001:db8::7"}, "10.0.0.1"},
		"a zone in the header":  {proxy, []string{"fe80::7%eth0"}, "10.0.0.1"},
		"a prefix":              {proxy, []string{client + "/32"}, "10.0.0.1"},
		"a leading zero":        {proxy, []string{"203.0.113.007"}, "10.0.0.1"},
		"a short form":          {proxy, []string{"203.0.7"}, "10.0.0.1"},
		"a number":              {proxy, []string{"3405803783"}, "10.0.0.1"},
		"a name":                {proxy, []string{"localhost"}, "10.0.0.1"},
		"quoted":                {proxy, []string{`"` + client + `"`}, "10.0.0.1"},
		"as Forwarded has it":   {proxy, []string{"for=" + client}, "10.0.0.1"},
		"a space within":        {proxy, []string{"198.51.100.1 " + client}, "10.0.0.1"},
		"a semicolon":           {proxy, []string{client + ";"}, "10.0.0.1"},
	} {
		settings, err := newSettings([]Option{WithTrustedProxies(
			netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:1::/48"), netip.MustParsePrefix("fd00::1/128"))})
		if err != nil {
			t.Fatal(err)
		}
		request := &http.Request{RemoteAddr: test.remote, Header: http.Header{
			"X-Forwarded-For": test.headers, "Forwarded": {"for=192.0.2.9"}, "X-Real-Ip": {"192.0.2.9"},
		}}
		var want netip.Addr
		if test.want != "" {
			want = netip.MustParseAddr(test.want)
		}
		if got := settings.peer(request).Address; got != want {
			t.Errorf("%s: %v", name, got)
		}
		plain, err := newSettings(nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := plain.peer(request).Address; got.IsValid() && !strings.Contains(test.remote, got.String()) {
			t.Errorf("%s, without the option: %v", name, got)
		}
	}
}

func TestTrustedProxiesRange(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"10.0.0.0/8":          "",
		"10.0.0.1/32":         "",
		"fd00::/8":            "",
		"::1/128":             "",
		"0.0.0.0/0":           "server: trusted proxy 0.0.0.0/0 is every address: name the proxies",
		"::/0":                "server: trusted proxy ::/0 is every address: name the proxies",
		"10.0.0.1/8":          "server: trusted proxy 10.0.0.1/8 is not the beginning of its network: use 10.0.0.0/8 or 10.0.0.1/32",
		"fd00::1/8":           "server: trusted proxy fd00::1/8 is not the beginning of its network: use fd00::/8 or fd00::1/128",
		"::ffff:10.0.0.0/104": "server: trusted proxy ::ffff:10.0.0.0/104 is an IPv4 address in its IPv6 form: write it as IPv4",
	} {
		_, err := newSettings([]Option{WithTrustedProxies(netip.MustParsePrefix(text))})
		if (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%s: %v", text, err)
		}
	}
	for name, prefixes := range map[string][]netip.Prefix{"none": nil, "zero": {{}}} {
		if _, err := newSettings([]Option{WithTrustedProxies(prefixes...)}); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
