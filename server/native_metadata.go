package server

import (
	"net/textproto"
	"strings"

	"connectrpc.com/connect/v2"
)

// requestHeader puts the headers where authenticators and handlers look for them. Those
// that are the connection's are left out, as net/http does, and Host is the host asked for.
func (s *nativeStream) requestHeader() {
	header := s.info.RequestHeader()
	for name, values := range s.call.Metadata() {
		switch {
		case name == ":authority":
			header.SetValues("Host", values)
		case strings.HasPrefix(name, ":"):
		case strings.HasSuffix(name, "-bin"):
			encoded := make([]string, len(values))
			for i, value := range values {
				encoded[i] = connect.EncodeBinaryHeader([]byte(value))
			}
			header.SetValues(name, encoded)
		default:
			header.SetValues(name, values)
		}
	}
}

// setHeader hands over the header, which goes out with the first answer or the end.
func (s *nativeStream) setHeader() {
	if header := outgoing(s.info.ResponseHeader()); header != nil {
		_ = s.call.SetHeader(header) // it fails where the call is gone, as Send does then
	}
}

// outgoing returns a header or trailer as metadata, or nil where it is empty. What gRPC
// cannot carry is left out, as net/http leaves out what HTTP cannot.
func outgoing(header *connect.Header) map[string][]string {
	if header.Len() == 0 {
		return nil
	}
	metadata := make(map[string][]string, header.Len())
	for name, values := range header.All() {
		name = strings.ToLower(name)
		if !validName(name) {
			continue
		}
		for _, value := range values {
			if strings.HasSuffix(name, "-bin") {
				if decoded, err := connect.DecodeBinaryHeader(value); err == nil {
					value = string(decoded)
				}
			} else if !printable(value) {
				continue
			}
			metadata[name] = append(metadata[name], value)
		}
	}
	return metadata
}

// validName reports whether a name in lower case can be that of gRPC's metadata.
func validName(name string) bool {
	for _, char := range []byte(name) {
		if (char < 'a' || char > 'z') && (char < '0' || char > '9') && char != '-' && char != '_' && char != '.' {
			return false
		}
	}
	return name != ""
}

// printable reports whether a value can be one of gRPC's metadata: printable ASCII.
func printable(value string) bool {
	for _, char := range []byte(textproto.TrimString(value)) {
		if char < ' ' || char > '~' {
			return false
		}
	}
	return true
}
