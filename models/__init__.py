"""What Caseledger stores: the documents, the rules that hold on them, and the code that stores."""
