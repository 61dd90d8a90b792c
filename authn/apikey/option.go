package apikey

import (
	"errors"
	"fmt"
	"net/textproto"
	"regexp"
	"strings"
	"time"

	"github.com/sallyport-rpc/sallyport/authn/revocation"
	"github.com/sallyport-rpc/sallyport/internal/option"
)

// An Option changes how a [Manager] works.
type Option interface{ option.Option[settings] }

// WithPrefix sets what every key begins with, before an underscore: a lower-case
// letter and up to 15 more or digits. The default is "sp". With a prefix of your own
// a secret scanner can say whose leaked key it found. Two managers of one registry
// need two prefixes, and "ses" is taken by sessions. Keys with another prefix than
// the current one are refused.
func WithPrefix(prefix string) Option {
	return option.Func[settings](func(s *settings) error {
		if !prefixPattern.MatchString(prefix) || prefix == "ses" {
			return fmt.Errorf("apikey: %q is not a prefix: use a lower-case letter and up to 15 more or digits, and not \"ses\"", prefix)
		}
		s.prefix = prefix + "_"
		return nil
	})
}

// WithHeader makes keys come in the named header, such as "X-Api-Key", and no longer
// as "Authorization: Bearer", which is the default. Every value of that header then
// counts as a key.
func WithHeader(name string) Option {
	return option.Func[settings](func(s *settings) error {
		header := textproto.CanonicalMIMEHeaderKey(name)
		if !mayCarry(header) {
			return fmt.Errorf("apikey: %q is not a header name, or has another meaning", name)
		}
		s.header = header
		return nil
	})
}

// WithUseInterval sets how often the use of a key is stored: at most once in the
// interval. The default is one minute. Zero writes at every call.
func WithUseInterval(interval time.Duration) Option {
	return option.Func[settings](func(s *settings) error {
		if interval < 0 {
			return fmt.Errorf("apikey: a use interval of %v is negative", interval)
		}
		s.interval = interval
		return nil
	})
}

// WithBus connects the manager to the other processes of the service: when keys are
// revoked in one, all of them recheck the owner's live streams, and their caches
// forget the owner. Calls do not depend on it, see package revocation. By default
// other processes are not notified. The caller closes the bus.
func WithBus(bus *revocation.Bus) Option {
	return option.Func[settings](func(s *settings) error {
		if bus == nil {
			return errors.New("apikey: the bus is nil")
		}
		s.bus = bus
		return nil
	})
}

// authorization is the one header that keys share with other schemes.
const authorization = "Authorization"

var defaults = settings{prefix: "sp_", header: authorization, interval: time.Minute}

type settings struct {
	prefix   string // with its underscore
	header   string
	interval time.Duration
	bus      *revocation.Bus // nil for none
}

var prefixPattern = regexp.MustCompile(`^[a-z][a-z0-9]{0,15}$`)

// mayCarry reports whether a header can carry a key and nothing else. The refused
// ones are set by clients and proxies that know nothing of keys.
func mayCarry(header string) bool {
	switch header {
	case "Proxy-Authorization", "Cookie", "Host", "Origin", "Referer", "User-Agent", "Te", "Connection",
		"Upgrade", "Forwarded", "Via":
		return false
	}
	for _, family := range []string{"Accept", "Connect-", "Content-", "Grpc-", "Sec-", "X-Forwarded-"} {
		if strings.HasPrefix(header, family) {
			return false
		}
	}
	return headerPattern.MatchString(header)
}

// headerPattern takes fewer names than RFC 9110, section 5.1, but all that are in use.
var headerPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,63}$`)
