package account

import (
	"context"

	"github.com/sallyport-rpc/sallyport/action"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// listedDocuments is the field that the declaration of ListDocuments is about at `each`.
const listedDocuments = "documents"

// ListDocuments returns one page of the documents that the caller may see, oldest first.
func (d *Documents) ListDocuments(ctx context.Context, call *action.Call[demov1.ListDocumentsRequest]) (*demov1.ListDocumentsResponse, error) {
	filter, err := call.Filter(ctx, listedDocuments)
	if err != nil {
		return nil, err
	}
	request := call.Message()
	page, err := d.users.ListDocuments(ctx, where(d.seen, filter), request.GetOrgId(), int(request.GetPageSize()), request.GetPageToken())
	if err != nil {
		return nil, fault(err)
	}
	return &demov1.ListDocumentsResponse{Documents: page.Documents, NextPageToken: page.Next, TotalSize: page.Total}, nil
}
