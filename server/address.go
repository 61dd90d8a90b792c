package server

import (
	"net/http"
	"net/netip"
)

// addressOf returns the address that a request came from: of IPv6 the first 64 bits,
// since a client has as many of those below as it likes. It is the zero prefix where
// there is none.
func addressOf(request *http.Request) netip.Prefix {
	peer, err := netip.ParseAddrPort(request.RemoteAddr)
	if err != nil {
		return netip.Prefix{}
	}
	address := peer.Addr().Unmap().WithZone("")
	bits := address.BitLen()
	if address.Is6() {
		bits = 64
	}
	prefix, err := address.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return prefix
}
