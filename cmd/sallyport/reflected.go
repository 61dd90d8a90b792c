package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"connectrpc.com/grpcreflect/v2"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/sallyport-rpc/sallyport/internal/review"
	"github.com/sallyport-rpc/sallyport/internal/schema"
)

// reflectTimeout is how long a server may take to describe itself.
const reflectTimeout = time.Minute

// The headers of an answer of reflection that say of which contract it shows how much, as
// package server/reflection defines them.
const (
	contractHeader = "Sallyport-Contract"
	shownHeader    = "Sallyport-Contract-Shown"
)

// maxReflected is how many files a server may describe itself with.
const maxReflected = 10_000

// reflected reads the contract of a running server, which must show all of it: the
// fingerprint of what it shows is held against the one that it serves.
func (f *contractFlags) reflected(ctx context.Context, url string) (*review.Contract, error) {
	if len(f.imports) > 0 {
		return nil, misuse{"a running server has its imports in it: leave out --import"}
	}
	ctx, cancel := context.WithTimeout(ctx, reflectTimeout)
	defer cancel()
	header, err := f.header()
	if err != nil {
		return nil, err
	}
	shown := http.Header{}
	var protocols http.Protocols
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, Proxy: http.ProxyFromEnvironment}
	defer transport.CloseIdleConnections()
	client := connect.NewClient(connecthttp.NewTransport(&http.Client{Transport: &headed{transport, header, shown}}, strings.TrimSuffix(url, "/"), connecthttp.WithGRPC()))
	read, err := reflectSchema(ctx, client)
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s: %w", url, context.Cause(ctx))
	case connect.CodeOf(err) == connect.CodeUnauthenticated || connect.CodeOf(err) == connect.CodePermissionDenied:
		return nil, fmt.Errorf("%s does not show its contract to this caller (%w): pass a credential with --header", url, err)
	case err != nil:
		return nil, fmt.Errorf("%s: read its contract by reflection: %w", url, err)
	case shown.Get(contractHeader) == "":
		return nil, fmt.Errorf("%s does not tell the fingerprint of its contract, so what it shows may be a part of it", url)
	case shown.Get(shownHeader) != "all":
		return nil, fmt.Errorf("%s shows this caller only a part of its contract: pass the credential of a caller who reaches every action, and do not strip its options", url)
	}
	contract, err := f.contract(url, read)
	if err != nil {
		return nil, err
	}
	if serves := shown.Get(contractHeader); contract.Fingerprint != serves {
		return nil, fmt.Errorf("%s shows contract %s and serves %s: what it shows is not all that it serves", url, contract.Fingerprint, serves)
	}
	return contract, nil
}

// header reads the headers that a server is called with.
func (f *contractFlags) header() (http.Header, error) {
	header := http.Header{}
	for _, line := range f.headers {
		if file, ok := strings.CutPrefix(line, "@"); ok {
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			line = strings.TrimSpace(string(text))
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" {
			return nil, misuse{`a header is written as "Name: value"`} // it may hold a secret, and is not repeated
		}
		header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return header, nil
}

// headed sends headers with each request, and keeps what answers say of the contract.
type headed struct {
	next   http.RoundTripper
	header http.Header
	shown  http.Header
}

// RoundTrip implements [http.RoundTripper].
func (h *headed) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	maps.Copy(request.Header, h.header)
	response, err := h.next.RoundTrip(request)
	if err == nil {
		for _, name := range []string{contractHeader, shownHeader} {
			h.shown.Set(name, response.Header.Get(name))
		}
	}
	return response, err
}

// reflectSchema asks a server for all of its services and what they import.
func reflectSchema(ctx context.Context, client *connect.Client) (*schema.Schema, error) {
	stream := grpcreflect.NewClient(client).NewStream(ctx)
	defer stream.Close()
	services, err := stream.ListServices()
	if err != nil {
		return nil, err
	}
	found := map[string]*descriptorpb.FileDescriptorProto{}
	add := func(files []*descriptorpb.FileDescriptorProto) error {
		for _, file := range files {
			found[file.GetName()] = file
		}
		if len(found) > maxReflected {
			return fmt.Errorf("it has more than %d files", maxReflected)
		}
		return nil
	}
	for _, service := range services {
		files, err := stream.FileContainingSymbol(service)
		if err = errors.Join(err, add(files)); err != nil {
			return nil, fmt.Errorf("the file of %s: %w", service, err)
		}
	}
	for missing := missingImport(found); missing != ""; missing = missingImport(found) {
		files, err := stream.FileByFilename(missing)
		if err = errors.Join(err, add(files)); err != nil {
			return nil, fmt.Errorf("%s: %w", missing, err)
		}
		if found[missing] == nil {
			return nil, fmt.Errorf("it does not give %s, which its files import", missing)
		}
	}
	set := &descriptorpb.FileDescriptorSet{}
	for _, file := range found {
		set.File = append(set.File, file)
	}
	files, err := protodesc.NewFiles(set)
	if err != nil {
		return nil, fmt.Errorf("its files do not hold together: %w", err)
	}
	return reflectedSchema(files, services)
}

// missingImport returns a file that others import and that is not there, or "".
func missingImport(found map[string]*descriptorpb.FileDescriptorProto) string {
	for _, file := range found {
		for _, imported := range file.GetDependency() {
			if found[imported] == nil {
				return imported
			}
		}
	}
	return ""
}

// reflectedSchema has the files of services as its own.
func reflectedSchema(files *protoregistry.Files, services []protoreflect.FullName) (*schema.Schema, error) {
	read := &schema.Schema{Files: files}
	for _, name := range services {
		service, err := files.FindDescriptorByName(name)
		if err != nil {
			return nil, fmt.Errorf("it lists %s, and does not describe it: %w", name, err)
		}
		if file := service.ParentFile(); !slices.Contains(read.Own, file) {
			read.Own = append(read.Own, file)
		}
	}
	slices.SortFunc(read.Own, func(a, b protoreflect.FileDescriptor) int { return strings.Compare(a.Path(), b.Path()) })
	return read, nil
}
