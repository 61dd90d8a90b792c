package server

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
)

// check says why a page may not be served beside the actions of these services.
func (p *page) check(services map[string]bool) error {
	if strings.TrimSpace(p.Reason) == "" {
		return errors.New("a reason is required: say why it needs no gate")
	}
	if value := reflect.ValueOf(p.handler); p.handler == nil || value.Kind() == reflect.Func && value.IsNil() ||
		value.Kind() == reflect.Pointer && value.IsNil() {
		return errors.New("the handler is nil")
	}
	method, rest := "", p.Pattern
	if before, after, found := strings.Cut(p.Pattern, " "); found {
		method, rest = before, strings.TrimLeft(after, " \t")
	}
	switch {
	case method == http.MethodConnect:
		return errors.New("the method CONNECT is not for pages")
	case !strings.HasPrefix(rest, "/"):
		return errors.New("a pattern is a path that begins with a slash, after a method or none: hosts are for WithHosts")
	case strings.Contains(rest, "%"):
		return errors.New("a pattern is written without percent-encoding")
	case !clean(rest):
		return errors.New("no request can match it: write the path without // and dots")
	}
	if path := actionPath(strings.Split(rest[1:], "/"), services); path != "" {
		return fmt.Errorf("it also matches %s, which could be an action: use a path that begins otherwise, such as /pages/", path)
	}
	return nil
}

// actionPath returns a path that could be an action's and that matches a pattern of
// these segments, or "".
//
// An action's path has two segments: a service with its package, and a method. A
// service without a package counts if it is one of those given. Other names without a
// dot are free for pages, such as "assets".
func actionPath(segments []string, services map[string]bool) string {
	service := segments[0]
	var method string
	switch {
	case wildcard(service) && service != "{$}":
		if strings.HasSuffix(service, "...}") || service == "" {
			return "/package.Service/Method"
		}
		service = "package.Service"
	case len(segments) == 1 && service == "":
		return "/package.Service/Method" // the pattern "/"
	case !services[service] && !serviceName(service):
		return ""
	}
	if len(segments) != 2 {
		return "" // too short, or too long
	}
	switch method = segments[1]; {
	case method == "{$}":
		return "" // the path ends in a slash
	case method == "" || wildcard(method):
		method = "Method"
	case !identifier(method):
		return ""
	}
	return "/" + service + "/" + method
}

func wildcard(segment string) bool { return strings.HasPrefix(segment, "{") }

// serviceName reports whether a text can name a service of a package.
func serviceName(text string) bool {
	parts := strings.Split(text, ".")
	return len(parts) > 1 && !slices.ContainsFunc(parts, func(part string) bool { return !identifier(part) })
}

// identifier reports whether a text can name a method, by protobuf's grammar.
func identifier(text string) bool {
	for i, char := range []byte(text) {
		letter := char == '_' || 'a' <= char && char <= 'z' || 'A' <= char && char <= 'Z'
		if !letter && (i == 0 || char < '0' || char > '9') {
			return false
		}
	}
	return text != ""
}
