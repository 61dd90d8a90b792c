package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/option"
)

// WithTrustedProxies names the proxies that stand in front of the server, by their
// addresses. A call that comes from one of them is taken to come from the last entry of
// X-Forwarded-For that is not itself a trusted proxy, since each proxy appends the
// address that it was called from; what stands before that entry was sent by the client
// and is not read. By default there are none, and X-Forwarded-For is ignored.
//
// Where the entry is missing, empty or malformed, the call is taken to come from the
// proxy. An entry may have a port, which is dropped. The headers Forwarded, X-Real-Ip
// and their like are ignored.
//
// The address is that of [authn.Peer], for authenticators, events and what counts
// calls by where they come from. Name only proxies that set the header themselves, and
// no network that clients are in: a client at a trusted address chooses its own.
func WithTrustedProxies(prefixes ...netip.Prefix) Option {
	return option.Func[settings](func(s *settings) error {
		if len(prefixes) == 0 {
			return errors.New("server: WithTrustedProxies names no proxy")
		}
		errs := make([]error, len(prefixes))
		for i, prefix := range prefixes {
			errs[i] = checkProxy(prefix)
		}
		s.proxies = append(s.proxies, prefixes...)
		return errors.Join(errs...)
	})
}

// checkProxy says why a prefix does not name proxies.
func checkProxy(prefix netip.Prefix) error {
	switch {
	case !prefix.IsValid():
		return errors.New("server: a trusted proxy is the zero netip.Prefix")
	case prefix.Bits() == 0:
		return fmt.Errorf("server: trusted proxy %v is every address: name the proxies", prefix)
	case prefix.Addr().Is4In6():
		return fmt.Errorf("server: trusted proxy %v is an IPv4 address in its IPv6 form: write it as IPv4", prefix)
	case prefix != prefix.Masked():
		return fmt.Errorf("server: trusted proxy %v is not the beginning of its network: use %v or %v/%d",
			prefix, prefix.Masked(), prefix.Addr(), prefix.Addr().BitLen())
	default:
		return nil
	}
}

// peer returns who is at the other end of a request.
func (s *settings) peer(request *http.Request) authn.Peer {
	return authn.Peer{Address: s.origin(remoteAddress(request.RemoteAddr), request.Header["X-Forwarded-For"]), TLS: request.TLS}
}

// remoteAddress returns the address of the other end of a connection, which is "IP:PORT"
// where there is a network, and the zero Addr where there is none.
func remoteAddress(remote string) netip.Addr {
	found, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	return plainAddress(found.Addr())
}

// plainAddress returns an address as it is compared: IPv4 as such, and without a zone.
func plainAddress(address netip.Addr) netip.Addr { return address.Unmap().WithZone("") }

// origin returns where a call comes from that came over a connection from an address, a
// plain one, with these lines of X-Forwarded-For.
func (s *settings) origin(address netip.Addr, forwarded []string) netip.Addr {
	if s.trusts(address) {
		return s.client(address, forwarded)
	}
	return address
}

// trusts reports whether an address is that of a trusted proxy.
func (s *settings) trusts(address netip.Addr) bool {
	return slices.ContainsFunc(s.proxies, func(prefix netip.Prefix) bool { return prefix.Contains(address) })
}

// client returns the address that a trusted proxy was called from: that of the proxy
// where its header does not say.
func (s *settings) client(proxy netip.Addr, header []string) netip.Addr {
	// Several lines of a header are one list (RFC 9110, section 5.3).
	for _, line := range slices.Backward(header) {
		for more := true; more; {
			entry := line
			before, last, found := cutLast(line, ",")
			if found {
				entry, line = last, before
			}
			more = found
			address, ok := forwardedAddress(entry)
			if !ok {
				return proxy
			}
			if !s.trusts(address) {
				return address
			}
		}
	}
	return proxy
}

// cutLast slices a text around the last occurrence of a separator.
func cutLast(text, separator string) (before, after string, found bool) {
	if i := strings.LastIndex(text, separator); i >= 0 {
		return text[:i], text[i+len(separator):], true
	}
	return "", text, false
}

// forwardedAddress reads an entry of X-Forwarded-For: an IP address, with a port or
// without. An IPv6 address may be in brackets, and must be where there is a port. An
// address with a zone means nothing to another machine.
func forwardedAddress(entry string) (netip.Addr, bool) {
	entry = strings.Trim(entry, " \t")
	address, err := netip.ParseAddr(entry)
	if err != nil {
		var withPort netip.AddrPort
		if withPort, err = netip.ParseAddrPort(entry); err == nil {
			address = withPort.Addr()
		} else if inner, ok := strings.CutPrefix(entry, "["); ok && strings.HasSuffix(inner, "]") {
			address, err = netip.ParseAddr(strings.TrimSuffix(inner, "]"))
			if address.Is4() {
				return netip.Addr{}, false
			}
		}
	}
	if err != nil || address.Zone() != "" {
		return netip.Addr{}, false
	}
	return address.Unmap(), true
}

// introduce puts the peer of a call into its context, for everything further in.
func introduce(next connect.ServerFunc) connect.ServerFunc {
	return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
		if incoming := incomingFrom(ctx); incoming != nil {
			ctx = authn.WithPeer(ctx, &incoming.peer)
		}
		return next(ctx, spec, stream)
	}
}
