package admin

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page
	"encoding/base64"
	"html/template"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"runtime/debug"
	"strings"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

// page is the only page with markup. What it shows is escaped.
var page = template.Must(template.New("page").Parse(pageText))

// policy lets the page use its own style and nothing else.
var policy = func() string {
	digest := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

// handler returns what serves the pages, with profiles or without.
func (p *Panel) handler(profiles bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.index(profiles))
	mux.HandleFunc("GET /build", build)
	if p.metrics != nil {
		mux.Handle("GET /metrics", p.metrics)
	}
	if p.health != nil {
		mux.Handle("GET /healthz", p.health.Live())
		mux.Handle("GET /readyz", p.health.Ready())
	}
	if profiles {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	}
	return p.guard(mux)
}

// guard refuses what a page of another site may have asked for.
func (p *Panel) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		header := writer.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cache-Control", "no-store")
		switch site := request.Header.Get("Sec-Fetch-Site"); {
		case !p.answersFor(request.Host):
			http.Error(writer, "this listener does not answer for the host that was asked for", http.StatusMisdirectedRequest)
		case site != "" && site != "none" && site != "same-origin":
			http.Error(writer, "not for pages of other sites", http.StatusForbidden)
		default:
			next.ServeHTTP(writer, request)
		}
	})
}

// answersFor reports whether a Host header is of an IP address, or a name that was given.
func (p *Panel) answersFor(host string) bool {
	if address, err := netip.ParseAddrPort(host); err == nil {
		return address.IsValid()
	}
	if address, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return address.IsValid()
	}
	name, _, _ := strings.Cut(strings.ToLower(host), ":")
	return p.hosts[strings.TrimSuffix(name, ".")]
}

// index serves the front page.
func (p *Panel) index(profiles bool) http.HandlerFunc {
	return func(writer http.ResponseWriter, _ *http.Request) {
		var text bytes.Buffer
		err := page.Execute(&text, map[string]any{
			"Style":    template.CSS(pageStyle), //nolint:gosec // the file beside this one
			"Contract": p.registry.Fingerprint(),
			"Rows":     rowsOf(p.registry.Actions()),
			"Metrics":  p.metrics != nil,
			"Health":   p.health != nil,
			"Profiles": profiles,
		})
		if err != nil {
			http.Error(writer, "internal error", http.StatusInternalServerError)
			return
		}
		writer.Header().Set("Content-Type", "text/html; charset=utf-8")
		writer.Header().Set("Content-Security-Policy", policy)
		_, _ = writer.Write(text.Bytes()) // the client may be gone
	}
}

// build says what the program was built from.
func build(writer http.ResponseWriter, _ *http.Request) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		http.Error(writer, "the program does not say what it was built from", http.StatusNotFound)
		return
	}
	writer.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = writer.Write([]byte(info.String())) // the client may be gone
}
