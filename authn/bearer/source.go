package bearer

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/go-jose/go-jose/v4/json"
)

// A KeySource knows the keys by which an issuer signs. Make one with [Discovery],
// [KeysAt] or [StaticKeys].
type KeySource interface {
	open(issuer string, settings *settings) (*keyring, error)
}

type keySourceFunc func(issuer string, settings *settings) (*keyring, error)

func (f keySourceFunc) open(issuer string, settings *settings) (*keyring, error) {
	return f(issuer, settings)
}

// Discovery finds the issuer's keys by OpenID Connect Discovery: by the document at
// "/.well-known/openid-configuration" below the issuer, an https URL, which must name
// the very issuer. It is looked at whenever keys are fetched.
func Discovery() KeySource {
	return keySourceFunc(func(issuer string, settings *settings) (*keyring, error) {
		if err := checkURL(issuer, settings.plain, true); err != nil {
			return nil, fmt.Errorf("bearer: the issuer: %w", err)
		}
		if strings.Contains(issuer, "?") {
			return nil, fmt.Errorf("bearer: the issuer: %q has a query", issuer)
		}
		loopback := strings.HasPrefix(issuer, "http:")
		fetcher := newFetcher(settings.client)
		return newKeyring(settings, fetcher, func(ctx context.Context) (keySet, error) {
			place, err := discover(ctx, fetcher, issuer)
			if err != nil {
				return nil, err
			}
			// Only an issuer that is itself on loopback may have its keys there.
			if err := checkURL(place, settings.plain, loopback); err != nil {
				return nil, fmt.Errorf("the issuer's jwks_uri: %w", err)
			}
			return fetcher.keys(ctx, place)
		}), nil
	})
}

// discover returns where the issuer says that its keys are.
func discover(ctx context.Context, fetcher *fetcher, issuer string) (string, error) {
	text, err := fetcher.fetch(ctx, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return "", err
	}
	var document struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	switch err := json.Unmarshal(text, &document); {
	case err != nil:
		return "", errors.New("the discovery document is not JSON")
	case document.Issuer != issuer:
		return "", errors.New("the discovery document is of another issuer")
	}
	return document.Keys, nil
}

// KeysAt finds the issuer's keys in the JWK Set at an https URL.
func KeysAt(address string) KeySource {
	return keySourceFunc(func(_ string, settings *settings) (*keyring, error) {
		if err := checkURL(address, settings.plain, true); err != nil {
			return nil, fmt.Errorf("bearer: the address of the keys: %w", err)
		}
		fetcher := newFetcher(settings.client)
		return newKeyring(settings, fetcher, func(ctx context.Context) (keySet, error) {
			return fetcher.keys(ctx, address)
		}), nil
	})
}

// StaticKeys are the issuer's keys by their ids, for an issuer that has no address.
// A key is an [*rsa.PublicKey] of 2048 to 8192 bits, an [*ecdsa.PublicKey] on P-256,
// P-384 or P-521, or an [ed25519.PublicKey]. They never change and never grow too old.
func StaticKeys(keys map[string]crypto.PublicKey) KeySource {
	return keySourceFunc(func(_ string, settings *settings) (*keyring, error) {
		var errs []error
		if len(keys) == 0 {
			errs = append(errs, errors.New("bearer: at least one key is required"))
		}
		set := make(keySet, len(keys))
		for keyID, key := range keys {
			if keyID == "" {
				errs = append(errs, errors.New("bearer: a key has no id"))
			}
			if err := checkKey(key); err != nil {
				errs = append(errs, fmt.Errorf("bearer: key %q: %w", keyID, err))
			}
			set[keyID] = []issuerKey{{public: key}}
		}
		return newStaticKeyring(set), errors.Join(errs...)
	})
}

// checkURL says what is wrong with an address that keys are to come from. Plain HTTP
// is fine to anywhere where plain says so, and to this very machine where loopback
// does.
func checkURL(address string, plain, loopback bool) error {
	parsed, err := url.Parse(address)
	switch {
	case err != nil || parsed.Host == "" || parsed.Opaque != "":
		return fmt.Errorf("%q is no absolute URL", address)
	case parsed.User != nil || strings.Contains(address, "#"):
		return fmt.Errorf("%q has a user or a fragment", parsed.Redacted())
	case parsed.Scheme == "https":
		return nil
	case parsed.Scheme == "http" && (plain || loopback && isLoopback(parsed.Hostname())):
		return nil
	default:
		return fmt.Errorf("%q is not https", address)
	}
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
