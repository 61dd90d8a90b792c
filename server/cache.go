package server

import (
	"net/http"
	"slices"
	"strings"
)

// keepPrivate keeps an answer for one caller out of the caches that callers share, even if
// the handler asks for the opposite; a browser's own cache may keep it for the same
// credentials. Without a Cache-Control no cache keeps it.
func keepPrivate(header http.Header) {
	allowed := strings.Join(header.Values("Cache-Control"), ",")
	if allowed == "" {
		allowed = "no-store"
	}
	kept := []string{"private"}
	for directive := range strings.SplitSeq(allowed, ",") {
		name, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(directive)), "=")
		if name == "no-store" {
			kept = []string{"no-store"}
			break
		}
		// A quoted value names fields, and may hold a comma.
		if slices.Contains(harmless, name) && !strings.Contains(directive, `"`) {
			kept = append(kept, strings.ToLower(strings.TrimSpace(directive)))
		}
	}
	header.Set("Cache-Control", strings.Join(kept, ", "))
	for name := range header {
		// Caches of delivery networks look for theirs first (RFC 9213).
		if name != "Cache-Control" && strings.HasSuffix(name, "-Cache-Control") || name == "Surrogate-Control" {
			delete(header, name)
		}
	}
	header.Add("Vary", "Authorization, Cookie")
}

// harmless are the directives of RFC 9111, section 5.2.2, that let no shared cache keep
// an answer.
var harmless = []string{"max-age", "no-cache", "no-transform", "must-revalidate", "immutable", "stale-while-revalidate", "stale-if-error"}
