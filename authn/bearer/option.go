package bearer

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxSkew is the most that [WithClockSkew] takes: clocks are not further apart
// unless something is wrong.
const maxSkew = 5 * time.Minute

// An Option changes how an [Authenticator] works.
type Option interface{ apply(*settings) }

type optionFunc func(*settings)

func (f optionFunc) apply(s *settings) { f(s) }

// WithAlgorithms sets which signature algorithms count, of RS256, RS384, RS512,
// PS256, PS384, PS512, ES256, ES384, ES512 and EdDSA. The default is RS256, PS256,
// ES256 and EdDSA. Symmetric ones never count.
func WithAlgorithms(algorithms ...string) Option {
	return optionFunc(func(s *settings) { s.algorithms = slices.Clone(algorithms) })
}

// WithAccessTokenType asks for the type "at+jwt", which marks a token as an access
// token (RFC 9068, section 2.1). By default a token may also have the type "JWT" or
// none, because many issuers write no better.
func WithAccessTokenType() Option {
	return optionFunc(func(s *settings) { s.typed = true })
}

// WithClockSkew sets how far the issuer's clock may be ahead, up to five minutes.
// The default is one minute. It never prolongs a token.
func WithClockSkew(skew time.Duration) Option {
	return optionFunc(func(s *settings) { s.skew = skew })
}

// WithIdentity sets whom a token stands for. The default is [QualifiedSubject].
func WithIdentity(identify Identify) Option {
	return optionFunc(func(s *settings) { s.identify = identify })
}

// WithRealm sets the realm that challenges name. The default is the audience.
func WithRealm(realm string) Option {
	return optionFunc(func(s *settings) { s.realm = realm })
}

// WithKeyLifetime sets after how long the issuer's keys are fetched anew, and how
// long they serve at most while that fails. The default is ten minutes and one hour:
// few tokens live longer, and while an issuer is down it makes no new ones. A key
// that the issuer withdraws may count for the first while it is up, and for the
// second while it is down.
func WithKeyLifetime(refresh, keep time.Duration) Option {
	return optionFunc(func(s *settings) { s.refresh, s.keep = refresh, keep })
}

// WithHTTPClient sets the client that fetches keys, for a proxy or certificates of
// one's own. Its redirect policy and timeout are replaced by this package's. The
// default is one that trusts the system's certificates and honours the environment's
// proxy.
func WithHTTPClient(client *http.Client) Option {
	return optionFunc(func(s *settings) { s.client = client })
}

// WithClock sets the clock by which tokens and keys expire. It is for tests; the
// default is [time.Now].
func WithClock(now func() time.Time) Option {
	return optionFunc(func(s *settings) { s.now = now })
}

// UnsafeWithoutTLS lets keys be fetched over plain HTTP from anywhere, where
// everyone on the way can replace them with their own and sign as anybody. By
// default that is so on loopback alone.
func UnsafeWithoutTLS() Option {
	return optionFunc(func(s *settings) { s.plain = true })
}

type settings struct {
	algorithms    []string
	typed         bool
	skew          time.Duration
	identify      Identify
	realm         string
	refresh, keep time.Duration
	client        *http.Client // nil for one of our own
	now           func() time.Time
	plain         bool
}

func defaults(audience string) settings {
	return settings{
		algorithms: []string{"RS256", "PS256", "ES256", "EdDSA"},
		skew:       time.Minute,
		identify:   QualifiedSubject,
		realm:      audience,
		refresh:    10 * time.Minute,
		keep:       time.Hour,
		now:        time.Now,
	}
}

func (s *settings) check() error {
	var errs []error
	if len(s.algorithms) == 0 {
		errs = append(errs, errors.New("bearer: at least one algorithm is required"))
	}
	for _, algorithm := range s.algorithms {
		if _, ok := algorithms[algorithm]; !ok {
			errs = append(errs, fmt.Errorf("bearer: %q is no asymmetric signature algorithm known here", algorithm))
		}
	}
	if s.skew < 0 || s.skew > maxSkew {
		errs = append(errs, fmt.Errorf("bearer: a clock skew of %v is not between 0 and %v", s.skew, maxSkew))
	}
	if s.identify == nil {
		errs = append(errs, errors.New("bearer: the identity is nil"))
	}
	if strings.ContainsFunc(strings.ReplaceAll(s.realm, " ", ""), isOutsideQuotes) {
		errs = append(errs, fmt.Errorf("bearer: the realm %q does not fit into a header", s.realm))
	}
	if s.refresh < minInterval || s.keep < s.refresh {
		errs = append(errs, fmt.Errorf("bearer: keys cannot be fetched every %v and kept for %v", s.refresh, s.keep))
	}
	if s.now == nil {
		errs = append(errs, errors.New("bearer: the clock is nil"))
	}
	return errors.Join(errs...)
}
