"""An import through the REST API of a Caseledger server elsewhere: `caseledger import --to`."""
