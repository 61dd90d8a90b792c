package declare

// The rules about fields of requests that hold names of fields. Those that protovalidate
// applies stand in sallyport/v1/action.proto under the same ids.
const (
	RuleNamesChoice   Rule = "names-choice"
	RuleNamesReason   Rule = "names-reason"
	RuleNamesKind     Rule = "names-kind"
	RuleNamesType     Rule = "names-type"
	RuleNamesUnmarked Rule = "names-unmarked"
	RuleNamesFilter   Rule = "names-filter"
)

var namesRules = []Definition{
	{RuleNamesChoice, "`names` of a field has neither `of` nor `harmless`, or both.",
		"Write the message whose fields are named, or why the field needs no mark."},
	{RuleNamesReason, "`harmless` of a field has no reason, or one of more than 500 characters.",
		"Say in 1 to 500 characters why the field cannot tell what its caller may not read."},
	{RuleNamesKind, "`names: {of: …}` stands at a field that is no string, no list of strings and no `google.protobuf.FieldMask`, or at a mask that is called `order_by`, `sort_by` or `group_by`: a mask selects what is answered.",
		"Make the field a string, such as `name desc, address.city`, or a list of strings."},
	{RuleNamesType, "`of` is no message of the file or of what it imports, has no fields, or is one of `google.protobuf`.",
		"Write the full name of the message whose fields are named, such as `acme.v1.User`, and import its file."},
	{RuleNamesUnmarked, "The answer of an action has a field that only some may read, and a field `order_by`, `sort_by`, `group_by`, `read_mask` or `field_mask` of its request does not say whose fields it names: order tells what is cleared.",
		"Mark the field with `(sallyport.v1.field).names.of`, or say with `names.harmless` why it cannot tell what its caller may not read, or give it another name."},
	{RuleNamesFilter, "The answer of an action has a field that only some may read, and its request has free text called `filter`: a caller asks by it what a field holds that is cleared.",
		"Take a field of the request for each thing that callers may look for, or say with `(sallyport.v1.field).names.harmless` why the text cannot ask for what its caller may not read."},
}
