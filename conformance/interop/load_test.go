package interop_test

import (
	"context"
	"encoding/base64"
	"sync/atomic"
	"time"

	"connectrpc.com/connect/v2"
	orcadata "github.com/cncf/xds/go/xds/data/orca/v3"
	orca "github.com/cncf/xds/go/xds/service/orca/v3"
	testing "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action"
)

// load is xds.service.orca.v3.OpenRcaService: it tells how busy the server is, which
// is as busy as the tests have said.
type load struct {
	now atomic.Pointer[orcadata.OrcaLoadReport]
}

func newLoad() *load {
	l := &load{}
	l.now.Store(&orcadata.OrcaLoadReport{})
	return l
}

// set sets the load, unless the report is nil.
func (l *load) set(report *testing.TestOrcaReport) {
	if report != nil {
		l.now.Store(loadReport(report))
	}
}

func (l *load) StreamCoreMetrics(
	ctx context.Context, call *action.AnonymousCall[orca.OrcaLoadReportRequest], out *action.ServerStream[orcadata.OrcaLoadReport],
) error {
	every := time.NewTicker(max(call.Message().GetReportInterval().AsDuration(), 100*time.Millisecond))
	defer every.Stop()
	for {
		if err := out.Send(l.now.Load()); err != nil {
			return err
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// reportCall puts a report on one call into its trailer, unless it is nil.
func reportCall(info *connect.CallInfo, report *testing.TestOrcaReport) error {
	if report == nil {
		return nil
	}
	text, err := proto.Marshal(loadReport(report))
	if err != nil {
		return err
	}
	info.ResponseTrailer().Set("Endpoint-Load-Metrics-Bin", base64.RawStdEncoding.EncodeToString(text))
	return nil
}

func loadReport(report *testing.TestOrcaReport) *orcadata.OrcaLoadReport {
	return &orcadata.OrcaLoadReport{
		CpuUtilization: report.GetCpuUtilization(),
		MemUtilization: report.GetMemoryUtilization(),
		RequestCost:    report.GetRequestCost(),
		Utilization:    report.GetUtilization(),
	}
}
