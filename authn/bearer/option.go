package bearer

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/option"
)

// maxSkew is the most that [WithClockSkew] takes: clocks are not further apart
// unless something is wrong.
const maxSkew = 5 * time.Minute

// An Option changes how an [Authenticator] works.
type Option interface{ option.Option[settings] }

// WithAlgorithms sets which signature algorithms count, of RS256, RS384, RS512,
// PS256, PS384, PS512, ES256, ES384, ES512, Ed25519 (RFC 9864) and its older name
// EdDSA. The default is RS256, PS256, ES256, Ed25519 and EdDSA. Symmetric ones are
// refused.
func WithAlgorithms(algorithms ...string) Option {
	return option.Func[settings](func(s *settings) error {
		if len(algorithms) == 0 {
			return errors.New("bearer: at least one algorithm is required")
		}
		var errs []error
		for _, algorithm := range algorithms {
			if _, ok := knownAlgorithms[algorithm]; !ok {
				errs = append(errs, fmt.Errorf("bearer: %q is not a known asymmetric signature algorithm", algorithm))
			}
		}
		s.algorithms = slices.Clone(algorithms)
		return errors.Join(errs...)
	})
}

// WithAccessTokenType requires the type "at+jwt", which marks a token as an access
// token (RFC 9068, section 2.1). By default a token may also have the type "JWT" or
// none, because many issuers write no other.
func WithAccessTokenType() Option {
	return option.Func[settings](func(s *settings) error {
		s.typed = true
		return nil
	})
}

// WithClockSkew sets how far the issuer's clock may be ahead, up to five minutes.
// The default is one minute. It never prolongs a token.
func WithClockSkew(skew time.Duration) Option {
	return option.Func[settings](func(s *settings) error {
		if skew < 0 || skew > maxSkew {
			return fmt.Errorf("bearer: a clock skew of %v is not between 0 and %v", skew, maxSkew)
		}
		s.skew = skew
		return nil
	})
}

// WithIdentity sets how a token becomes a principal. The default is [QualifiedSubject].
func WithIdentity(identify Identify) Option {
	return option.Func[settings](func(s *settings) error {
		if identify == nil {
			return errors.New("bearer: the identity is nil")
		}
		s.identify = identify
		return nil
	})
}

// WithClaims fills the principal's claims from the token: each gets a new message of this
// type, the one that the application marked (sallyport.v1.claims), by [Token.Fill]. A
// token whose claims do not fit is an invalid credential. It is for an issuer that may
// say what these fields say; where some of them are for the application to decide, an
// [Identify] function returns claims of its own. By default a principal has no claims.
func WithClaims(message proto.Message) Option {
	return option.Func[settings](func(s *settings) error {
		if message == nil {
			return errors.New("bearer: the message of the claims is nil")
		}
		s.claims = message.ProtoReflect().Type()
		return nil
	})
}

// WithScopedTokens makes every token a scoped credential, also one that says nothing of
// scopes, which then carries none. By default a token is scoped where it has a claim
// "scope" or "scp", be it an empty one. See [authn.Details] for what a scoped credential
// is.
func WithScopedTokens() Option {
	return option.Func[settings](func(s *settings) error {
		if s.scoped == neverScoped {
			return errScopedTwice
		}
		s.scoped = alwaysScoped
		return nil
	})
}

// UnsafeWithUnscopedTokens makes no token a scoped credential: one that was issued for a
// single scope then carries all that its subject may do, wherever no grant asks for
// scopes. It is for issuers that write the same scopes into every token. By default a
// token is scoped where it has a claim "scope" or "scp".
func UnsafeWithUnscopedTokens() Option {
	return option.Func[settings](func(s *settings) error {
		if s.scoped == alwaysScoped {
			return errScopedTwice
		}
		s.scoped = neverScoped
		return nil
	})
}

var errScopedTwice = errors.New("bearer: tokens cannot be both scoped and unscoped: give one of the two options")

// scopedTokens says which tokens are scoped credentials.
type scopedTokens uint8

const (
	scopedByClaim scopedTokens = iota // those that have a claim about scopes
	alwaysScoped
	neverScoped
)

// WithRealm sets the realm that challenges name. The default is the audience.
func WithRealm(realm string) Option {
	return option.Func[settings](func(s *settings) error {
		s.realm = realm // New checks it, as it does the default
		return nil
	})
}

// WithKeyLifetime sets after how long the issuer's keys are fetched again, and how
// long they serve at most while that fails. The default is ten minutes and one hour:
// few tokens live longer, and while an issuer is down it makes no new ones. A key
// that the issuer withdraws may count for the first while it is up, and for the
// second while it is down.
func WithKeyLifetime(refresh, keep time.Duration) Option {
	return option.Func[settings](func(s *settings) error {
		if refresh < minInterval || keep < refresh {
			return fmt.Errorf("bearer: keys cannot be fetched every %v and kept for %v: the first is at least %v and at most the second", refresh, keep, minInterval)
		}
		s.refresh, s.keep = refresh, keep
		return nil
	})
}

// WithHTTPClient sets the client that fetches keys, for a proxy or for other
// certificates than the system's. Its redirect policy and timeout are replaced by this
// package's. The default client trusts the system's certificates and uses the
// environment's proxy.
func WithHTTPClient(client *http.Client) Option {
	return option.Func[settings](func(s *settings) error {
		if client == nil {
			return errors.New("bearer: the HTTP client is nil")
		}
		s.client = client
		return nil
	})
}

// UnsafeWithoutTLS lets keys be fetched over plain HTTP from anywhere, where
// everyone on the way can replace them with their own and sign as any subject. By
// default plain HTTP is allowed on loopback alone.
func UnsafeWithoutTLS() Option {
	return option.Func[settings](func(s *settings) error {
		s.plain = true
		return nil
	})
}

type settings struct {
	algorithms    []string
	typed         bool
	skew          time.Duration
	identify      Identify
	claims        protoreflect.MessageType // nil for none
	scoped        scopedTokens
	realm         string
	refresh, keep time.Duration
	client        *http.Client // nil for one of our own
	now           func() time.Time
	plain         bool
}

func defaults(audience string) settings {
	return settings{
		algorithms: []string{"RS256", "PS256", "ES256", "Ed25519", "EdDSA"},
		skew:       time.Minute,
		identify:   QualifiedSubject,
		realm:      audience,
		refresh:    10 * time.Minute,
		keep:       time.Hour,
		now:        time.Now,
	}
}

// checkRealm says what is wrong with a realm, if anything.
func checkRealm(realm string) error {
	if strings.ContainsFunc(strings.ReplaceAll(realm, " ", ""), isOutsideQuotes) {
		return fmt.Errorf("bearer: the realm %q does not fit into a header", realm)
	}
	return nil
}
