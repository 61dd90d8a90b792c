package account

import (
	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
	"github.com/sallyport-rpc/sallyport/filter"
	"github.com/sallyport-rpc/sallyport/filter/sqlfilter"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

// MapColumns maps what the declarations ask of documents to columns of the directory. It is
// called once, after the service was registered and before it is served. What SQL does not
// say exactly is an error here, and not when a caller comes.
func (d *Documents) MapColumns(registry *action.Registry) error {
	rule, err := registry.FilterRule(demov1client.DocumentServiceListDocumentsProcedure, listedDocuments)
	if err != nil {
		return err
	}
	if d.seen, err = sqlfilter.New(d.users.Dialect(), rule, directory.DocumentTable()); err != nil {
		return err
	}
	d.guards = map[string]*sqlfilter.Mapping{}
	for _, procedure := range []string{
		demov1client.DocumentServiceUpdateDocumentProcedure,
		demov1client.DocumentServiceShareDocumentProcedure,
		demov1client.DocumentServiceDeleteDocumentProcedure,
	} {
		rule, err := registry.GuardRule(procedure)
		if err != nil {
			return err
		}
		if d.guards[procedure], err = sqlfilter.New(d.users.Dialect(), rule, directory.DocumentTable()); err != nil {
			return err
		}
	}
	return nil
}

// guard returns the grant that let a caller in, over the stored document: what was changed
// since it was loaded, so that the grant no longer holds, is left as it is.
func (d *Documents) guard(procedure string, call interface{ Guard() (action.Guard, error) }) (directory.Where, error) {
	guard, err := call.Guard()
	if err != nil {
		return nil, err
	}
	return where(d.guards[procedure], guard.Filter), nil
}

func where(mapping *sqlfilter.Mapping, of filter.Filter) directory.Where {
	return func(first int) (string, []any, error) { return mapping.Where(of, first) }
}
