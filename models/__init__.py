"""What Caseledger stores: documents, their schema and the pure rules that hold on them."""
