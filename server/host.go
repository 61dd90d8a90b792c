package server

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/sallyport-rpc/sallyport/internal/option"
)

// WithHosts names the hosts that the server answers for; a request for another is
// answered with status 421. By default every host is answered.
//
// It is what keeps the pages of strangers away from a server that only its own machine
// or network should reach: a page can make its own host name point there (DNS
// rebinding), but the browser still sends that name.
//
// A host is a name or an IP address without a port, such as "api.example",
// "127.0.0.1" or "::1"; it holds for every port. Names are compared without regard to
// case or to a dot at the end, and IPv6 addresses by value. Only the Host header and
// HTTP/2's :authority count, never X-Forwarded-Host. Probes of load balancers often use
// an IP address, which must be named too.
func WithHosts(hosts ...string) Option {
	return option.Func[settings](func(s *settings) error {
		if len(hosts) == 0 {
			return errors.New("server: WithHosts names no host")
		}
		var errs []error
		if s.hosts == nil {
			s.hosts = map[string]bool{}
		}
		for _, host := range hosts {
			name := normalHost(host)
			if strings.Contains(host, ":") { // an IPv6 address, or a mistake
				name = normalHost("[" + strings.TrimSuffix(strings.TrimPrefix(host, "["), "]") + "]")
			}
			if name == "" {
				errs = append(errs, fmt.Errorf("server: %q is no host: give a name or an IP address, without a port or a wildcard", host))
				continue
			}
			s.hosts[name] = true
		}
		return errors.Join(errs...)
	})
}

// answersFor reports whether the server answers a request for its host.
func (s *settings) answersFor(request *http.Request) bool {
	return s.answersForHost(request.Host)
}

// answersForHost reports the same for a host that a Host header or :authority names.
func (s *settings) answersForHost(host string) bool {
	return s.hosts == nil || s.hosts[normalHost(host)]
}

// normalHost returns the host of a Host header, in one spelling and without the port,
// or "" if there is none. It is the host of RFC 9110, section 7.2.
func normalHost(header string) string {
	if inner, rest, found := strings.Cut(strings.TrimPrefix(header, "["), "]"); strings.HasPrefix(header, "[") {
		address, err := netip.ParseAddr(inner)
		if !found || !isPort(rest) || err != nil || !address.Is6() || address.Zone() != "" {
			return ""
		}
		return address.String()
	}
	name, port, _ := strings.Cut(header, ":")
	if !isPort(":" + port) {
		return ""
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	for _, char := range []byte(name) {
		letterOrDigit := '0' <= char && char <= '9' || 'a' <= char && char <= 'z'
		if !letterOrDigit && char != '-' && char != '.' && char != '_' {
			return ""
		}
	}
	if strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") || strings.Contains(name, "..") {
		return ""
	}
	return name
}

// isPort reports whether a text is nothing, or a colon with digits or none after it.
func isPort(text string) bool {
	digits := strings.TrimPrefix(text, ":")
	return (text == "" || text[0] == ':') && strings.Trim(digits, "0123456789") == ""
}
