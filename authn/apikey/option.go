package apikey

import (
	"errors"
	"fmt"
	"net/textproto"
	"regexp"
	"strings"
	"time"

	"github.com/sallyport-rpc/sallyport/authn/revocation"
)

// An Option changes how a [Manager] works.
type Option interface{ apply(*settings) }

type optionFunc func(*settings)

func (f optionFunc) apply(s *settings) { f(s) }

// WithPrefix sets what every key begins with, before an underscore: a lower-case
// letter and up to 15 more or digits. The default is "sp". A prefix of one's own lets
// scanners say whose leaked key they found. Two managers of one registry need two
// prefixes, and "ses" is what sessions begin with. Keys of another prefix are keys no
// longer.
func WithPrefix(prefix string) Option {
	return optionFunc(func(s *settings) { s.prefix = prefix + "_" })
}

// WithHeader makes keys come in the named header, such as "X-Api-Key", and no longer
// as "Authorization: Bearer", which is the default. Whatever is in a header of that name
// then counts as a key.
func WithHeader(name string) Option {
	return optionFunc(func(s *settings) { s.header = textproto.CanonicalMIMEHeaderKey(name) })
}

// WithUseInterval sets how often the use of a key is written down: at most once in
// the interval. The default is one minute. Zero writes at every call.
func WithUseInterval(interval time.Duration) Option {
	return optionFunc(func(s *settings) { s.interval = interval })
}

// WithBus tells the other processes of the service whose keys end here, so that
// live streams are looked at again and caches forget in all of them, and hears of
// theirs. A call never needs it, see package revocation. By default a revocation is
// heard in this process alone. The caller closes the bus.
func WithBus(bus *revocation.Bus) Option {
	return optionFunc(func(s *settings) { s.bus, s.joins = bus, true })
}

// authorization is the one header that keys share with other schemes.
const authorization = "Authorization"

var defaults = settings{prefix: "sp_", header: authorization, interval: time.Minute}

type settings struct {
	prefix   string // with its underscore
	header   string
	interval time.Duration
	bus      *revocation.Bus
	joins    bool // a bus was asked for
}

var prefixPattern = regexp.MustCompile(`^[a-z][a-z0-9]{0,15}_$`)

func (s *settings) check() error {
	var errs []error
	if !prefixPattern.MatchString(s.prefix) || s.prefix == "ses_" {
		errs = append(errs, fmt.Errorf("apikey: %q is no prefix: a lower-case letter and up to 15 more or digits, and not \"ses\"",
			strings.TrimSuffix(s.prefix, "_")))
	}
	if !mayCarry(s.header) {
		errs = append(errs, fmt.Errorf("apikey: %q is no header name, or one with a meaning of its own", s.header))
	}
	if s.interval < 0 {
		errs = append(errs, fmt.Errorf("apikey: a use interval of %v is negative", s.interval))
	}
	if s.joins && s.bus == nil {
		errs = append(errs, errors.New("apikey: the bus is nil"))
	}
	return errors.Join(errs...)
}

// mayCarry reports whether a header could carry a key and nothing else. The others
// are set by clients and proxies that know nothing of keys.
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
