package account

import (
	"context"
	"errors"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
	"github.com/sallyport-rpc/sallyport/filter/sqlfilter"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

// Documents implements demo.v1.DocumentService. Make one with [NewDocuments]. It is safe
// for concurrent use once [Documents.MapColumns] has returned.
type Documents struct {
	users *directory.Directory
	// seen writes which documents a list shows, and guards write, by procedure, of which an
	// action may change. Unmapped, they are of no document.
	seen   *sqlfilter.Mapping
	guards map[string]*sqlfilter.Mapping
}

var (
	_ demov1action.DocumentServiceHandler = (*Documents)(nil)
	_ demov1action.DocumentServiceLoaders = (*Documents)(nil)
)

// NewDocuments returns the service of the documents in a directory, which is required.
func NewDocuments(users *directory.Directory) *Documents { return &Documents{users: users} }

// LoadDocument loads what an action is about. What it does not find is no fault.
func (d *Documents) LoadDocument(ctx context.Context, _ *authn.Principal, id string) (*demov1.Document, error) {
	document, err := d.users.Document(ctx, id)
	switch {
	case errors.Is(err, directory.ErrNotFound):
		return nil, action.NotFound()
	case errors.Is(err, directory.ErrBusy), errors.Is(err, directory.ErrUnreachable):
		return nil, authn.Unavailable(err)
	}
	return document, err
}

// CreateDocument creates a draft of the caller's own.
func (d *Documents) CreateDocument(ctx context.Context, call *action.Call[demov1.CreateDocumentRequest]) (*demov1.CreateDocumentResponse, error) {
	request := call.Message()
	document, err := d.users.CreateDocument(ctx, &demov1.Document{
		OrgId: request.GetOrgId(), OwnerId: call.Principal().ID(), Title: request.GetTitle(), Text: request.GetText(),
	})
	if err != nil {
		return nil, fault(err)
	}
	return &demov1.CreateDocumentResponse{Document: document}, nil
}

// GetDocument returns the document that the grants were decided on.
func (d *Documents) GetDocument(_ context.Context, call *action.ResourceCall[demov1.GetDocumentRequest, demov1.Document]) (*demov1.GetDocumentResponse, error) {
	return &demov1.GetDocumentResponse{Document: call.Resource()}, nil
}

// UpdateDocument changes the title and the text.
func (d *Documents) UpdateDocument(ctx context.Context, call *action.ResourceCall[demov1.UpdateDocumentRequest, demov1.Document]) (*demov1.UpdateDocumentResponse, error) {
	request := call.Message()
	guard, err := d.guard(demov1client.DocumentServiceUpdateDocumentProcedure, call)
	if err != nil {
		return nil, err
	}
	document, err := d.users.UpdateDocument(ctx, call.Resource().GetId(), guard, request.GetTitle(), request.GetText())
	if err != nil {
		return nil, fault(err)
	}
	return &demov1.UpdateDocumentResponse{Document: document}, nil
}

// ShareDocument says who else may read.
func (d *Documents) ShareDocument(ctx context.Context, call *action.ResourceCall[demov1.ShareDocumentRequest, demov1.Document]) (*demov1.ShareDocumentResponse, error) {
	request := call.Message()
	guard, err := d.guard(demov1client.DocumentServiceShareDocumentProcedure, call)
	if err != nil {
		return nil, err
	}
	document, err := d.users.ShareDocument(ctx, call.Resource().GetId(), guard, request.GetState(), request.GetSharedWith())
	if err != nil {
		return nil, fault(err)
	}
	return &demov1.ShareDocumentResponse{Document: document}, nil
}

// DeleteDocument deletes the document.
func (d *Documents) DeleteDocument(ctx context.Context, call *action.ResourceCall[demov1.DeleteDocumentRequest, demov1.Document]) (*demov1.DeleteDocumentResponse, error) {
	guard, err := d.guard(demov1client.DocumentServiceDeleteDocumentProcedure, call)
	if err != nil {
		return nil, err
	}
	if err := d.users.DeleteDocument(ctx, call.Resource().GetId(), guard); err != nil {
		return nil, fault(err)
	}
	return &demov1.DeleteDocumentResponse{}, nil
}
