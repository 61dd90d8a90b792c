package server

import (
	"crypto/tls"
	"errors"
)

var (
	errNoCertificate = errors.New("server: the TLS configuration has no certificate to show")
	errOldTLS        = errors.New("server: the TLS configuration allows versions below 1.2")
)

// secure returns a configuration that speaks TLS 1.2 or later, or says why there
// can be none.
func secure(config *tls.Config) (*tls.Config, error) {
	if config == nil {
		return nil, errNoCertificate
	}
	var errs []error
	if len(config.Certificates) == 0 && config.GetCertificate == nil && config.GetConfigForClient == nil {
		errs = append(errs, errNoCertificate)
	}
	if old(config) {
		errs = append(errs, errOldTLS)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	config = config.Clone()
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	if choose := config.GetConfigForClient; choose != nil {
		config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			chosen, err := choose(hello)
			if err == nil && chosen != nil && old(chosen) {
				return nil, errOldTLS
			}
			return chosen, err
		}
	}
	return config, nil
}

// old reports whether a configuration allows a version of TLS that is broken. Zero
// is Go's choice, which is 1.2.
func old(config *tls.Config) bool {
	return config.MinVersion != 0 && config.MinVersion < tls.VersionTLS12
}
