// Package origin reads origins of web pages as configuration names them.
package origin

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// defaultPorts are the ports that browsers leave out of an origin.
var defaultPorts = map[string]string{"http": "80", "https": "443"}

// Check says why a text is not one origin, written as browsers write it in the Origin
// header (RFC 6454, section 6.2): scheme://host, in lower case, with the port where it
// is not the scheme's own. What is compared with a header must be written as the header
// is.
func Check(text string) error {
	scheme, host, found := strings.Cut(text, "://")
	switch {
	case text == "null":
		return errors.New(`"null" is no origin: every page in a sandbox sends it`)
	case strings.Contains(text, "*"):
		return fmt.Errorf("origin %q has a wildcard: name each origin", text)
	case !found || scheme == "" || host == "":
		return fmt.Errorf(`origin %q is not SCHEME://HOST, such as "https://app.example"`, text)
	}
	parsed, err := url.Parse(text)
	if err != nil || parsed.Hostname() == "" || parsed.User != nil {
		return fmt.Errorf(`origin %q is not SCHEME://HOST, such as "https://app.example"`, text)
	}
	name, err := hostname(parsed.Hostname())
	if err != nil {
		return fmt.Errorf("origin %q: %w", text, err)
	}
	scheme = strings.ToLower(scheme)
	port := parsed.Port()
	if number, err := strconv.ParseUint(port, 10, 16); port != "" && err != nil {
		return fmt.Errorf("origin %q has no port between 0 and 65535", text)
	} else if port != "" {
		port = strconv.FormatUint(number, 10)
	}
	if port == defaultPorts[scheme] {
		port = ""
	}
	written := scheme + "://" + name
	if port != "" {
		written += ":" + port
	}
	if written != text {
		return fmt.Errorf("origin %q is not written as browsers send it: use %q", text, written)
	}
	return nil
}

// hostname returns a host as browsers write it.
func hostname(text string) (string, error) {
	if strings.Contains(text, ":") {
		address, err := netip.ParseAddr(text)
		if err != nil || address.Zone() != "" {
			return "", errors.New("the host is no IPv6 address without a zone")
		}
		return "[" + address.String() + "]", nil
	}
	for _, char := range []byte(text) {
		if char >= 0x80 {
			return "", errors.New("the host is not in ASCII: use its xn-- form")
		}
		if strings.IndexByte(`abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._`, char) < 0 {
			return "", fmt.Errorf("the host has the character %q", char)
		}
	}
	return strings.ToLower(text), nil
}
