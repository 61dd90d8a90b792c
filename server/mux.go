package server

import (
	"net/http"
	"slices"
	"sync/atomic"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
)

// A mux finds the procedure that a request asks for. It compares paths as they are.
// [http.ServeMux] would clean them and redirect, and a proxy in front that decides by
// path may have decided on another spelling.
type mux map[string]*procedure

// A procedure is one action as it is served.
type procedure struct {
	name    string
	spec    connect.Spec
	shape   connect.StreamType
	schemes []string // that authenticate its callers; none on an anonymous action
	handler http.Handler
	serving atomic.Int64 // the calls that are being served
}

// streams reports whether more than one message may go in either direction; receives,
// whether more than one may come from the client. Both are false for a nil procedure.
func (p *procedure) streams() bool  { return p != nil && p.shape != connect.StreamTypeUnary }
func (p *procedure) receives() bool { return p != nil && p.shape&connect.StreamTypeClient != 0 }

// private reports whether an answer is for one caller.
func (p *procedure) private() bool { return p != nil && len(p.schemes) > 0 }

func newMux(methods []connect.Method, actions []action.Action) mux {
	m := make(mux, len(methods))
	for _, method := range methods {
		m[method.Spec.Procedure] = &procedure{name: method.Spec.Procedure, spec: method.Spec, shape: method.Spec.StreamType}
	}
	for _, action := range actions {
		m[action.Procedure].schemes = action.Schemes
	}
	return m
}

// Handle implements connecthttp.ServeMux. It takes only the handlers of the registry's
// procedures: connect also offers one for the unknown methods of each service.
func (m mux) Handle(path string, handler http.Handler) {
	if procedure, ok := m[path]; ok {
		procedure.handler = handler
	}
}

// find returns the procedure that a request asks for, or nil. RawPath is set where a
// path is percent-encoded without need; such a path is no procedure's.
func (m mux) find(request *http.Request) *procedure {
	if request.URL.RawPath != "" {
		return nil
	}
	return m[request.URL.Path]
}

// serving names the procedures that have calls being served.
func (m mux) serving() []string {
	var names []string
	for name, procedure := range m {
		if procedure.serving.Load() > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
