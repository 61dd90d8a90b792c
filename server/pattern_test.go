package server

import (
	"net/http"
	"testing"
)

// The name of a registered service that has no package is not free for pages, though
// it has no dot.
func TestPagesBesideServiceWithoutPackage(t *testing.T) {
	t.Parallel()
	for pattern, refused := range map[string]bool{
		"/Notes/": true, "/Notes/Get": true, "/Notes/{rest...}": true,
		"/notes/": false, "/Notes": false, "/Notes/Get/x": false, "/Notes/get.css": false,
	} {
		page := page{UnguardedHandler: UnguardedHandler{Pattern: pattern, Reason: "a test"}, handler: http.NotFoundHandler()}
		if err := page.check(map[string]bool{"Notes": true}); (err != nil) != refused {
			t.Errorf("%s: %v", pattern, err)
		}
	}
}
