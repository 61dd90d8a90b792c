package server

import (
	"crypto/tls"
	"errors"
	"slices"
)

var (
	errNoCertificate = errors.New("server: the TLS configuration has no certificate to show")
	errOldTLS        = errors.New("server: the TLS configuration allows versions below 1.2")
	errNoVersion     = errors.New("server: the TLS configuration allows no version of TLS: MaxVersion is below MinVersion or 1.2")
)

// secure returns a configuration that speaks TLS 1.2 or later, or says why there
// can be none.
func secure(config *tls.Config) (*tls.Config, error) {
	if config == nil {
		return nil, errNoCertificate
	}
	var errs []error
	if config.GetCertificate == nil && config.GetConfigForClient == nil && !slices.ContainsFunc(config.Certificates, usable) {
		errs = append(errs, errNoCertificate)
	}
	if err := errors.Join(append(errs, versions(config))...); err != nil {
		return nil, err
	}
	config = config.Clone()
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	if choose := config.GetConfigForClient; choose != nil {
		config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			chosen, err := choose(hello)
			if err == nil && chosen != nil {
				if err := versions(chosen); err != nil {
					return nil, err
				}
			}
			return chosen, err
		}
	}
	return config, nil
}

// versions says why the versions of a configuration will not do. A MinVersion of zero
// is Go's choice, which is 1.2, and a MaxVersion of zero its latest.
func versions(config *tls.Config) error {
	switch {
	case config.MinVersion != 0 && config.MinVersion < tls.VersionTLS12:
		return errOldTLS
	case config.MaxVersion != 0 && config.MaxVersion < max(config.MinVersion, tls.VersionTLS12):
		return errNoVersion
	default:
		return nil
	}
}

// usable reports whether a certificate can be shown.
func usable(certificate tls.Certificate) bool {
	return len(certificate.Certificate) > 0 && certificate.PrivateKey != nil
}
